/* What the SDK's own files share. Nothing of it is for plugins. */
#ifndef TOOLYARD_INTERNAL_H
#define TOOLYARD_INTERNAL_H

#include <stdarg.h>

#include "../toolyard.h"

/* Items of one type that become more. */
typedef struct ty_list {
    void *items;
    size_t count;
    size_t room;
} ty_list;

/* One more item, all zero. */
void *ty_push(ty_call *call, ty_list *list, size_t size);

typedef enum ty_piece_kind { TY_PIECE_TEXT, TY_PIECE_IMAGE, TY_PIECE_AUDIO, TY_PIECE_LINK, TY_PIECE_EMBEDDED } ty_piece_kind;

/* One piece of a result, or one message of a prompt. */
typedef struct ty_piece {
    ty_piece_kind kind;
    ty_role_name role;
    ty_bytes data;
    const char *mime_type;
    ty_resource_info link;
    ty_contents contents;
    ty_annotations annotations;
    const char *meta;
} ty_piece;

typedef enum ty_question_kind { TY_QUESTION_FORM, TY_QUESTION_URL, TY_QUESTION_SAMPLING, TY_QUESTION_ROOTS } ty_question_kind;

typedef struct ty_question {
    const char *key;
    ty_question_kind kind;
    const char *message;
    const char *body; /* The schema, the URL, or the params. */
} ty_question;

/* What goes along to the next round. */
typedef struct ty_kept {
    char kind; /* 'a': an answer; 'm': remembered. */
    const char *key;
    ty_bytes text;
} ty_kept;

typedef struct ty_error {
    ty_error_kind kind; /* 0: none yet. */
    const char *message;
    int64_t after_ms;   /* Below 0: not said. */
} ty_error;

struct ty_private {
    struct ty_chunk *chunks;
    ty_error error;

    ty_list pieces; /* ty_piece */
    ty_role_name role;
    const char *structured;
    const char *meta;
    const char *description;
    bool is_error;

    ty_list contents; /* ty_contents */
    const char *mime_type;
    ty_list variables; /* ty_pair */

    ty_list entries; /* ty_resource_info */
    const char *cursor;
    const char *next;

    ty_list suggestions; /* const char * */
    ty_pairs known;
    bool has_more;
    int64_t total;

    ty_list questions; /* ty_question */
    ty_pairs answers;
    ty_list kept; /* ty_kept */
};

/* A call begins with its memory, and ends with it. */
ty_call *ty_call_begin(void);
void ty_call_end(ty_call *call);

const char *ty_format_list(ty_call *call, const char *format, va_list list);
/* How long the sequence at `text` is in UTF-8; 0 if it is none. */
size_t ty_utf8_length(const char *text, size_t left);
/* The same in UTF-8, with U+FFFD for what is not. */
ty_bytes ty_clean(ty_call *call, ty_bytes text);
/* NULL if an escape is broken, or if what comes out is not UTF-8 or holds a NUL. */
const char *ty_url_decode(ty_call *call, const char *text, size_t length);
/* The values of a template's variables; false if the URI does not fit. */
bool ty_fit_template(ty_call *call, const char *uri_template, const char *uri, ty_list *variables);
/* What stands before the first variable. */
const char *ty_template_beginning(ty_call *call, const char *uri_template);
const char *ty_find_pair(ty_pairs pairs, const char *key);

/* What the earlier rounds left, and what goes along to the next one. */
void ty_resume(ty_call *call, ty_pairs answers, ty_bytes state);
ty_bytes ty_state(ty_call *call);
enum { TY_STATE_BYTES_MAX = 16 << 10 };

/* The doors of the host, without its types. Each leaves what came of it in the call. */
ty_status ty_run_tool(ty_call *call, const char *name, ty_bytes arguments);
ty_status ty_run_read(ty_call *call, const char *uri);
ty_status ty_run_list(ty_call *call, const char *cursor);
ty_status ty_run_prompt(ty_call *call, const char *name, ty_pairs arguments);
ty_status ty_run_completion(ty_call *call, bool of_prompt, const char *name, const char *argument, const char *value,
                            ty_pairs known);
ty_texts ty_prefixes(ty_call *call);
bool ty_is_template(const char *uri);
const char *ty_field_key(const ty_field *field);
bool ty_is_required(const ty_field *field);

/* The host as these files see it: in a component its imports, in native tests what the test says. */
void ty_host_log(ty_call *call, ty_level level, const char *context, const char *message);
void ty_host_progress(ty_call *call, double done, double total, const char *message);
void ty_host_list_changed(ty_call *call, ty_listing what);
void ty_host_resource_updated(ty_call *call, const char *uri);
const char *ty_host_config(ty_call *call, const char *key);
ty_pairs ty_host_config_all(ty_call *call);

ty_status ty_host_get(ty_call *call, ty_texts keys, ty_bytes *values);
ty_status ty_host_set(ty_call *call, const ty_item *items, size_t count);
ty_status ty_host_delete(ty_call *call, ty_texts keys);
ty_status ty_host_exists(ty_call *call, const char *key, bool *exists);
/* A part of the keys; `cursor` is NULL at first and at the end. */
ty_status ty_host_keys(ty_call *call, const char **cursor, ty_texts *keys);
ty_status ty_host_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum);

/* A value as it was read, to be exchanged if it still is. */
typedef struct ty_watch {
    const char *key;
    ty_bytes value;
    int32_t handle;
} ty_watch;

ty_status ty_host_watch(ty_call *call, const char *key, ty_watch *watch);
/* `*swapped` is false where somebody else was first; `watch` then has what they wrote. */
ty_status ty_host_swap(ty_call *call, ty_watch *watch, ty_bytes value, bool *swapped);

/* A URL's parts as a request has them. */
typedef struct ty_url {
    bool is_https;
    const char *authority;
    const char *path; /* With the query. */
} ty_url;

/* Where a reference leads that stands in an answer of `base`. It is not checked. */
const char *ty_url_join(ty_call *call, const ty_url *base, const char *reference);
/* NULL, or what is wrong with it. */
const char *ty_url_read(ty_call *call, const char *text, ty_url *url);
/* Since some moment that stays the same while the call runs. */
uint64_t ty_host_now_ms(void);
/* Sends a request that was checked. */
ty_http_failure ty_host_fetch(ty_call *call, const ty_request *request, const ty_url *url, ty_response *response);
/* The sentences of failures, the same wherever they come from. */
const char *ty_http_sentence(ty_http_failure failure);

#endif
