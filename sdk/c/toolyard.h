/* Toolyard plugins in C: describe arguments once, write a function, put it into the table.
 *
 *     #include "toolyard.h"
 *
 *     #define GREET_ARGS(FIELD) FIELD(STRING, name, "Whom to greet.")
 *
 *     TY_TOOL(greet, GREET_ARGS, "Greets somebody.", .hints = TY_READ_ONLY) {
 *         return ty_text(call, "Hello, %s!", args->name);
 *     }
 *
 *     TY_PLUGIN { .tools = TY_TOOLS(&greet_tool) };
 *
 * What a function allocates belongs to its call and is never freed by hand. Functions that can fail return a `ty_status`;
 * TY_TRY passes what is not TY_OK on to the host, with the reason that the call remembers.
 */
#ifndef TOOLYARD_H
#define TOOLYARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TY_PRINTF_(text, first) __attribute__((__format__(__printf__, text, first)))
#define TY_CHECKED_ __attribute__((warn_unused_result))
#define TY_MAYBE_UNUSED_ __attribute__((unused))

typedef struct ty_call ty_call;

/* How a function ended. */
typedef enum ty_status {
    TY_OK = 0,
    TY_ERROR,     /* The call remembers why: see ty_failed and ty_why. */
    TY_ASKING,    /* A question is on its way. The function is run again, from its start, when the answer is there. */
    TY_NOT_FOUND, /* Resources only: there is nothing by that URI. */
} ty_status;

/* Leaves the function if `expression` is not TY_OK. */
#define TY_TRY(expression)                        \
    do {                                          \
        ty_status ty_status_ = (expression);      \
        if (ty_status_ != TY_OK) return ty_status_; \
    } while (0)

/* Bytes. `data[length]` is always 0, so that text can be read as a string; `data` is never NULL unless there is nothing. */
typedef struct ty_bytes {
    const char *data;
    size_t length;
} ty_bytes;

typedef struct ty_texts {
    const char *const *items;
    size_t count;
} ty_texts;

typedef struct ty_pair {
    const char *key;
    const char *value;
} ty_pair;

typedef struct ty_pairs {
    const ty_pair *items;
    size_t count;
} ty_pairs;

/* Memory of the call. There is no NULL to check: a plugin that runs out of memory is stopped. */
void *ty_alloc(ty_call *call, size_t size) __attribute__((returns_nonnull));
/* Room for `count` items of `type`, all zero. Too many for the memory there is stops the plugin, as does an overflow. */
#define TY_NEW(call, type, count) ((type *)ty_alloc_many((call), (count), sizeof(type)))
void *ty_alloc_many(ty_call *call, size_t count, size_t size) __attribute__((returns_nonnull));
/* A new string, as printf makes it. */
const char *ty_format(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);
ty_bytes ty_copy(ty_call *call, const void *data, size_t length);
/* The bytes of a string, without a copy. */
ty_bytes ty_bytes_of(const char *text);
/* Whether `text` begins with `beginning`. */
bool ty_begins(const char *text, const char *beginning);
/* Sorts by code point. */
void ty_sort(const char **texts, size_t count);
/* Percent-encodes everything but letters, digits and `-._~`, for use in a URL. */
const char *ty_url_encode(ty_call *call, const char *text);

#include "toolyard_json.h"
#include "toolyard_record.h"

/* What the host says about the call. Fields that are not known are NULL. */
typedef struct ty_context {
    const char *tenant;  /* Whose plugin this is: `default` on a host without tenants. */
    const char *subject; /* Who calls, under a name that means nothing elsewhere. */
    ty_texts scopes;
    const char *client_name; /* By the client's own words: for messages, never for decisions about access. */
    const char *client_version;
    unsigned client_can; /* TY_CAN_...: what it can be asked for. */
    uint64_t deadline_ms; /* When the host will stop this call, since 1970. */
    uint32_t attempt;     /* 1 for the first run of this call. */
    const char *idempotency_key; /* The same over all rounds of one call, and never the same for two. */
    bool wants_progress;
    const char *traceparent;
    const char *tracestate;
    const char *baggage;
    const char *meta; /* JSON: the request's `_meta` without the protocol's own keys. */
} ty_context;

enum {
    TY_CAN_FORM = 1,
    TY_CAN_URL = 2,
    TY_CAN_SAMPLE = 4,
    TY_CAN_SAMPLE_WITH_TOOLS = 8,
    TY_CAN_ROOTS = 16,
};

typedef struct ty_private ty_private;

struct ty_call {
    const char *name;          /* Of the tool or prompt, or the resource's URI. */
    const ty_context *context;
    ty_private *own; /* The SDK's. */
};

bool ty_has_scope(const ty_call *call, const char *scope);
/* How long this call may still take; 0 when its time is up. */
uint64_t ty_time_left_ms(const ty_call *call);

/* Errors: `return ty_failed(call, "There is no place called %s.", name);` */
typedef enum ty_error_kind {
    TY_INVALID_ARGUMENTS = 1,
    TY_DENIED,
    TY_RETRYABLE,
    TY_FAILED,
    TY_INTERNAL,
} ty_error_kind;

ty_status ty_failed(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);            /* It did not work. */
ty_status ty_invalid_arguments(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3); /* Say which, and what would be right. */
ty_status ty_denied(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);            /* The caller may not do this. */
/* It did not work now and had no effect. `after_ms` below 0: the host decides when to try again. */
ty_status ty_retryable(ty_call *call, int64_t after_ms, const char *format, ...) TY_PRINTF_(3, 4);
/* The plugin is at fault: the caller sees a protocol error with this message. */
ty_status ty_internal(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);
/* The message of the latest error; empty if there was none. */
const char *ty_why(const ty_call *call);

/* Saying something meanwhile. Nothing of this waits or fails. */
typedef enum ty_level { TY_TRACE, TY_DEBUG, TY_INFO, TY_WARN, TY_SEVERE, TY_CRITICAL } ty_level;

void ty_log(ty_call *call, ty_level level, const char *format, ...) TY_PRINTF_(3, 4);
/* `total` below 0: nobody knows how much there is to do. */
void ty_progress(ty_call *call, double done, double total, const char *format, ...) TY_PRINTF_(4, 5);

typedef enum ty_listing { TY_LIST_OF_TOOLS, TY_LIST_OF_PROMPTS, TY_LIST_OF_RESOURCES } ty_listing;

void ty_list_changed(ty_call *call, ty_listing what);
void ty_resource_updated(ty_call *call, const char *uri);

/* Results. Each adds a piece and returns TY_OK: `return ty_text(call, "Saved %s.", name);`
 * In a prompt, each piece is a message of the role that ty_role said last. */
ty_status ty_text(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);
ty_status ty_image(ty_call *call, const void *data, size_t length, const char *mime_type);
ty_status ty_audio(ty_call *call, const void *data, size_t length, const char *mime_type);

typedef enum ty_role_name { TY_USER, TY_ASSISTANT } ty_role_name;

void ty_role(ty_call *call, ty_role_name role);

enum { TY_FOR_USER = 1, TY_FOR_ASSISTANT = 2 };

typedef struct ty_annotations {
    unsigned audience; /* TY_FOR_...; 0: everybody. */
    ty_bound priority; /* TY_IS(0.5) */
    const char *last_modified; /* An ISO 8601 date and time. */
} ty_annotations;

#define TY_IS(number) { true, (number) }

typedef struct ty_icon {
    const char *src; /* `https:` or `data:`. */
    const char *mime_type;
    ty_texts sizes;    /* Such as `48x48`. */
    const char *theme; /* `light` or `dark`. */
} ty_icon;

#define TY_TEXTS(...)                                                    \
    {                                                                    \
        (const char *const[]){ __VA_ARGS__ },                            \
        sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) \
    }
/* Ends with one that has no `src`. */
#define TY_ICONS(...) ((const ty_icon[]){ __VA_ARGS__, { 0 } })

/* A resource that a client may read, as an entry of the list or as a piece of a result. */
typedef struct ty_resource_info {
    const char *uri;
    const char *name;
    const char *title;
    const char *description;
    const char *mime_type;
    ty_bound size; /* In bytes: TY_IS(10). */
    const ty_icon *icons;
    ty_annotations annotations;
    const char *meta;
} ty_resource_info;

#define TY_LINK(call, ...) ty_link((call), &(const ty_resource_info){ __VA_ARGS__ })
ty_status ty_link(ty_call *call, const ty_resource_info *resource);

/* What a resource holds: `text`, or `blob`. */
typedef struct ty_contents {
    const char *uri;       /* NULL: the one that was asked for. */
    const char *mime_type; /* NULL: that of the resource. */
    const char *text;
    ty_bytes blob;
    const char *meta;
} ty_contents;

#define TY_EMBED(call, ...) ty_embed((call), &(const ty_contents){ __VA_ARGS__ })
ty_status ty_embed(ty_call *call, const ty_contents *contents);

/* Hints about the piece that was added last: TY_ANNOTATE(call, .audience = TY_FOR_USER, .priority = TY_IS(0.5)). */
#define TY_ANNOTATE(call, ...) ty_annotate((call), &(const ty_annotations){ __VA_ARGS__ })
void ty_annotate(ty_call *call, const ty_annotations *annotations);
/* Metadata, a JSON object, of the piece that was added last; of the whole result. */
void ty_piece_meta(ty_call *call, const char *json);
void ty_result_meta(ty_call *call, const char *json);
/* The description of a prompt's result. */
void ty_describe(ty_call *call, const char *format, ...) TY_PRINTF_(2, 3);
/* The result tells of a failure, though it has content. */
void ty_is_error(ty_call *call);

/* The structured result: `return TY_RETURN(call, price, .cents = 250);` for a TY_RECORD(price, ...). */
#define TY_RETURN(call, record, ...) ty_structured((call), record##_type, &(const record){ __VA_ARGS__ })
ty_status ty_structured(ty_call *call, ty_type_of type, const void *value);
/* The same of any JSON text, which is checked. */
ty_status ty_structured_json(ty_call *call, const char *json);

#include "toolyard_ask.h"
#include "toolyard_host.h"
#include "toolyard_plugin.h"

#endif
