/* What the operator grants: settings, a store, requests. What was not granted is a plain error. */
#ifndef TOOLYARD_HOST_H
#define TOOLYARD_HOST_H

/* The operator's setting; NULL if there is none. */
const char *ty_config(ty_call *call, const char *key);
/* The same, or `fallback`. */
const char *ty_config_or(ty_call *call, const char *key, const char *fallback);
ty_pairs ty_config_all(ty_call *call);
/* The setting as what it is, or `fallback` where the operator made none. The error names the key, and not what stands there. */
TY_CHECKED_ ty_status ty_config_integer(ty_call *call, const char *key, int64_t fallback, int64_t *value);
TY_CHECKED_ ty_status ty_config_number(ty_call *call, const char *key, double fallback, double *value);
/* `true` or `false`. */
TY_CHECKED_ ty_status ty_config_boolean(ty_call *call, const char *key, bool fallback, bool *value);

/* The plugin's store, which outlives calls. Calls run at the same time: what is read and then written goes through
 * ty_kv_update. */
/* `value->data` is NULL if there is none. */
TY_CHECKED_ ty_status ty_kv_get(ty_call *call, const char *key, ty_bytes *value);
TY_CHECKED_ ty_status ty_kv_set(ty_call *call, const char *key, const void *data, size_t length);
TY_CHECKED_ ty_status ty_kv_set_text(ty_call *call, const char *key, const char *text);
TY_CHECKED_ ty_status ty_kv_delete(ty_call *call, const char *key);
TY_CHECKED_ ty_status ty_kv_exists(ty_call *call, const char *key, bool *exists);
/* All keys that begin with `beginning`, in order. */
TY_CHECKED_ ty_status ty_kv_keys(ty_call *call, const char *beginning, ty_texts *keys);
/* Adds to the number at `key`, which begins at 0. One step, whoever else counts. `sum` may be NULL. */
TY_CHECKED_ ty_status ty_kv_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum);

/* Makes a new value of the old one (whose `data` is NULL if there is none). It has no other effect, since it is asked again
 * if somebody else wrote meanwhile. */
typedef ty_status ty_change(ty_call *call, ty_bytes old, ty_bytes *value, void *own);
/* Sets `key` to what `change` makes of its value, so that no update is lost. */
TY_CHECKED_ ty_status ty_kv_update(ty_call *call, const char *key, ty_change *change, void *own);

typedef struct ty_item {
    const char *key;
    ty_bytes value;
} ty_item;

/* Several at once. `values` has room for one each. */
TY_CHECKED_ ty_status ty_kv_get_many(ty_call *call, ty_texts keys, ty_bytes *values);
TY_CHECKED_ ty_status ty_kv_set_many(ty_call *call, const ty_item *items, size_t count);
TY_CHECKED_ ty_status ty_kv_delete_many(ty_call *call, ty_texts keys);

/* Why a request got no response. */
typedef enum ty_http_failure {
    TY_HTTP_NONE,
    TY_HTTP_INVALID,   /* The request is none that can be sent. */
    TY_HTTP_DENIED,    /* It was not granted. */
    TY_HTTP_DNS,       /* The server's name leads nowhere. */
    TY_HTTP_CONNECT,   /* There is no connection to it. */
    TY_HTTP_TLS,       /* The connection cannot be trusted. */
    TY_HTTP_TIMEOUT,
    TY_HTTP_TOO_LARGE, /* The response has more bytes than it may. */
    TY_HTTP_TOO_MANY,  /* Requests, of this call or at once. */
    TY_HTTP_BROKEN,    /* The response broke off, or is not HTTP. */
    TY_HTTP_REDIRECTS, /* There are more than `redirects_max`, or one leads nowhere. */
} ty_http_failure;

enum {
    TY_HTTP_TIMEOUT_MS = 20000,           /* Less than the host gives a call, so that the plugin gets to say what happened. */
    TY_HTTP_RESPONSE_BYTES_MAX = 1 << 20,
};

typedef struct ty_request {
    const char *method; /* NULL: GET, or POST if there is a body. */
    const char *url;    /* `http` or `https`, without user and password. */
    const ty_pair *headers;
    size_t headers_count;
    ty_bytes body;
    uint32_t timeout_ms;       /* For all of it, redirects included. 0: 20 seconds. */
    size_t response_bytes_max; /* A larger body is an error. 0: 1 MiB. */
    /* How many redirects are followed. Each place is held against what is granted, and credentials do not go along to another server. */
    unsigned redirects_max;
} ty_request;

typedef struct ty_response {
    ty_http_failure failure;
    uint16_t status;
    const char *url; /* Where it came from: after redirects, the last place. */
    ty_pairs headers;
    ty_bytes body;
} ty_response;

#define TY_HEADERS(...)                                         \
    .headers = (const ty_pair[]){ __VA_ARGS__ },                \
    .headers_count = sizeof((const ty_pair[]){ __VA_ARGS__ }) / sizeof(ty_pair)

/* Sends a request and waits for all of the response. A status such as 404 is a response, too. On
 * TY_ERROR, `response->failure` says what happened, and ty_why in a sentence.
 *
 *     ty_response response;
 *     TY_TRY(TY_FETCH(call, &response, .url = url, TY_HEADERS({ "Accept", "application/json" })));
 */
#define TY_FETCH(call, response, ...) ty_fetch((call), &(const ty_request){ __VA_ARGS__ }, (response))
TY_CHECKED_ ty_status ty_fetch(ty_call *call, const ty_request *request, ty_response *response);
/* The first header of that name, however it is capitalized; NULL if there is none. */
const char *ty_header(const ty_response *response, const char *name);

#endif
