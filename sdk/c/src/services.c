/* Settings, the store and requests, on top of what the host gives. */
#include <string.h>
#include <strings.h>

#include "internal.h"

const char *ty_config(ty_call *call, const char *key) {
    return ty_host_config(call, key);
}

const char *ty_config_or(ty_call *call, const char *key, const char *fallback) {
    const char *value = ty_host_config(call, key);
    return value ? value : fallback;
}

ty_pairs ty_config_all(ty_call *call) {
    return ty_host_config_all(call);
}

ty_status ty_kv_get(ty_call *call, const char *key, ty_bytes *value) {
    return ty_host_get(call, (ty_texts){ &key, 1 }, value);
}

ty_status ty_kv_set(ty_call *call, const char *key, const void *data, size_t length) {
    return ty_host_set(call, &(ty_item){ key, { data, length } }, 1);
}

ty_status ty_kv_set_text(ty_call *call, const char *key, const char *text) {
    return ty_kv_set(call, key, text, strlen(text));
}

ty_status ty_kv_delete(ty_call *call, const char *key) {
    return ty_host_delete(call, (ty_texts){ &key, 1 });
}

ty_status ty_kv_exists(ty_call *call, const char *key, bool *exists) {
    return ty_host_exists(call, key, exists);
}

ty_status ty_kv_keys(ty_call *call, const char *beginning, ty_texts *keys) {
    ty_list all = { 0 };
    const char *cursor = NULL;
    do {
        ty_texts part;
        TY_TRY(ty_host_keys(call, &cursor, &part));
        for (size_t i = 0; i < part.count; i++) {
            if (ty_begins(part.items[i], beginning)) *(const char **)ty_push(call, &all, sizeof(char *)) = part.items[i];
        }
    } while (cursor);
    *keys = (ty_texts){ all.items, all.count };
    return TY_OK;
}

ty_status ty_kv_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum) {
    int64_t unwanted;
    return ty_host_increment(call, key, delta, sum ? sum : &unwanted);
}

/* Each time somebody else's got through, so only a key that many write at once comes near. */
enum { UPDATES_MAX = 1000 };

ty_status ty_kv_update(ty_call *call, const char *key, ty_change *change, void *own) {
    ty_watch watch;
    TY_TRY(ty_host_watch(call, key, &watch));
    for (int i = 0; i < UPDATES_MAX; i++) {
        ty_bytes value = { "", 0 };
        bool swapped;
        TY_TRY(change(call, watch.value, &value, own));
        TY_TRY(ty_host_swap(call, &watch, value, &swapped));
        if (swapped) return TY_OK;
    }
    return ty_retryable(call, -1, "Too many write `%s` at once; try again.", key);
}

ty_status ty_kv_get_many(ty_call *call, ty_texts keys, ty_bytes *values) {
    return ty_host_get(call, keys, values);
}

ty_status ty_kv_set_many(ty_call *call, const ty_item *items, size_t count) {
    return ty_host_set(call, items, count);
}

ty_status ty_kv_delete_many(ty_call *call, ty_texts keys) {
    return ty_host_delete(call, keys);
}

const char *ty_http_sentence(ty_http_failure failure) {
    switch (failure) {
    case TY_HTTP_NONE:
        break;
    case TY_HTTP_INVALID:
        return "the request cannot be sent";
    case TY_HTTP_DENIED:
        return "this address may not be reached from here";
    case TY_HTTP_DNS:
        return "there is no server of that name";
    case TY_HTTP_CONNECT:
        return "the server cannot be reached";
    case TY_HTTP_TLS:
        return "no secure connection to the server can be made";
    case TY_HTTP_TIMEOUT:
        return "the server took too long";
    case TY_HTTP_TOO_LARGE:
        return "the response is too large";
    case TY_HTTP_TOO_MANY:
        return "too many requests; try again later";
    case TY_HTTP_BROKEN:
        return "the server's response cannot be used";
    }
    return "";
}

static ty_status refuse(ty_call *call, ty_response *response, ty_http_failure failure, const char *why) {
    *response = (ty_response){ .failure = failure };
    return ty_failed(call, "%s", why);
}

static bool is_token(const char *text) {
    for (const char *at = text; *at; at++) {
        bool is_plain = (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z');
        if (!is_plain && !strchr("!#$%&'*+-.^_`|~", *at)) return false;
    }
    return *text != 0;
}

ty_status ty_fetch(ty_call *call, const ty_request *request, ty_response *response) {
    ty_url url;
    ty_request whole = *request;
    if (!whole.method) whole.method = whole.body.length ? "POST" : "GET";
    if (!whole.timeout_ms) whole.timeout_ms = TY_HTTP_TIMEOUT_MS;
    if (!whole.response_bytes_max) whole.response_bytes_max = TY_HTTP_RESPONSE_BYTES_MAX;
    const char *wrong = ty_url_read(call, whole.url, &url);
    if (wrong) return refuse(call, response, TY_HTTP_INVALID, wrong);
    if (!is_token(whole.method)) return refuse(call, response, TY_HTTP_INVALID, "the method is none");
    for (size_t i = 0; i < whole.headers_count; i++) {
        const ty_pair *header = &whole.headers[i];
        bool is_fine = header->key && is_token(header->key) && header->value && !strpbrk(header->value, "\r\n");
        if (!is_fine) return refuse(call, response, TY_HTTP_INVALID, "a header is not well formed");
    }
    *response = (ty_response){ 0 };
    response->failure = ty_host_fetch(call, &whole, &url, response);
    if (!response->failure) return TY_OK;
    return ty_failed(call, "%s", ty_http_sentence(response->failure));
}

const char *ty_header(const ty_response *response, const char *name) {
    for (size_t i = 0; i < response->headers.count; i++) {
        if (strcasecmp(response->headers.items[i].key, name) == 0) return response->headers.items[i].value;
    }
    return NULL;
}
