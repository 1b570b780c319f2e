/* What a call says and gives back. */
#include <string.h>

#include "internal.h"

static ty_status set_error(ty_call *call, ty_error_kind kind, int64_t after_ms, const char *message) {
    call->own->error = (ty_error){ kind, message, after_ms };
    return TY_ERROR;
}

/* One function for each kind, since `return ty_failed(call, ...)` is how a plugin reads best. */
#define FAIL_WITH(kind, after_ms)                              \
    va_list list;                                              \
    va_start(list, format);                                    \
    const char *message = ty_format_list(call, format, list);  \
    va_end(list);                                              \
    return set_error(call, kind, after_ms, message)

ty_status ty_failed(ty_call *call, const char *format, ...) {
    FAIL_WITH(TY_FAILED, -1);
}

ty_status ty_invalid_arguments(ty_call *call, const char *format, ...) {
    FAIL_WITH(TY_INVALID_ARGUMENTS, -1);
}

ty_status ty_denied(ty_call *call, const char *format, ...) {
    FAIL_WITH(TY_DENIED, -1);
}

ty_status ty_retryable(ty_call *call, int64_t after_ms, const char *format, ...) {
    FAIL_WITH(TY_RETRYABLE, after_ms);
}

ty_status ty_internal(ty_call *call, const char *format, ...) {
    FAIL_WITH(TY_INTERNAL, -1);
}

const char *ty_why(const ty_call *call) {
    return call->own->error.kind ? call->own->error.message : "";
}

bool ty_has_scope(const ty_call *call, const char *scope) {
    for (size_t i = 0; i < call->context->scopes.count; i++) {
        if (strcmp(call->context->scopes.items[i], scope) == 0) return true;
    }
    return false;
}

void ty_log(ty_call *call, ty_level level, const char *format, ...) {
    va_list list;
    va_start(list, format);
    ty_host_log(call, level, call->name, ty_format_list(call, format, list));
    va_end(list);
}

void ty_progress(ty_call *call, double done, double total, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (call->context->wants_progress) ty_host_progress(call, done, total, ty_format_list(call, format, list));
    va_end(list);
}

void ty_list_changed(ty_call *call, ty_listing what) {
    ty_host_list_changed(call, what);
}

void ty_resource_updated(ty_call *call, const char *uri) {
    ty_host_resource_updated(call, uri);
}

static ty_piece *new_piece(ty_call *call, ty_piece_kind kind) {
    ty_piece *piece = ty_push(call, &call->own->pieces, sizeof *piece);
    piece->kind = kind;
    piece->role = call->own->role;
    return piece;
}

ty_status ty_text(ty_call *call, const char *format, ...) {
    va_list list;
    va_start(list, format);
    new_piece(call, TY_PIECE_TEXT)->data = ty_bytes_of(ty_format_list(call, format, list));
    va_end(list);
    return TY_OK;
}

static ty_status add_media(ty_call *call, ty_piece_kind kind, ty_bytes data, const char *mime_type) {
    ty_piece *piece = new_piece(call, kind);
    piece->data = data;
    piece->mime_type = mime_type;
    return TY_OK;
}

ty_status ty_image(ty_call *call, const void *data, size_t length, const char *mime_type) {
    return add_media(call, TY_PIECE_IMAGE, ty_copy(call, data, length), mime_type);
}

ty_status ty_audio(ty_call *call, const void *data, size_t length, const char *mime_type) {
    return add_media(call, TY_PIECE_AUDIO, ty_copy(call, data, length), mime_type);
}

ty_status ty_link(ty_call *call, const ty_resource_info *resource) {
    new_piece(call, TY_PIECE_LINK)->link = *resource;
    return TY_OK;
}

ty_status ty_embed(ty_call *call, const ty_contents *contents) {
    if (!contents->uri) return ty_internal(call, "TY_EMBED needs a .uri.");
    new_piece(call, TY_PIECE_EMBEDDED)->contents = *contents;
    return TY_OK;
}

void ty_role(ty_call *call, ty_role_name role) {
    call->own->role = role;
}

static ty_piece *last_piece(ty_call *call) {
    ty_list *pieces = &call->own->pieces;
    /* Hints about nothing are written to nowhere. */
    return pieces->count ? (ty_piece *)pieces->items + pieces->count - 1 : ty_alloc(call, sizeof(ty_piece));
}

void ty_annotate(ty_call *call, const ty_annotations *annotations) {
    last_piece(call)->annotations = *annotations;
}

void ty_piece_meta(ty_call *call, const char *json) {
    last_piece(call)->meta = json;
}

void ty_result_meta(ty_call *call, const char *json) {
    call->own->meta = json;
}

void ty_describe(ty_call *call, const char *format, ...) {
    va_list list;
    va_start(list, format);
    call->own->description = ty_format_list(call, format, list);
    va_end(list);
}

void ty_is_error(ty_call *call) {
    call->own->is_error = true;
}

ty_status ty_structured(ty_call *call, ty_type_of type, const void *value) {
    call->own->structured = ty_encode_text(call, type, value);
    return TY_OK;
}

ty_status ty_structured_json(ty_call *call, const char *json) {
    const ty_json *checked;
    if (ty_json_read(call, ty_bytes_of(json), &checked) != TY_OK) {
        return ty_internal(call, "The structured result cannot be used. %s", ty_why(call));
    }
    call->own->structured = json;
    return TY_OK;
}

ty_status ty_give(ty_call *call, const ty_contents *contents) {
    ty_contents *given = ty_push(call, &call->own->contents, sizeof *given);
    *given = *contents;
    if (!given->uri) given->uri = call->name;
    if (!given->mime_type) given->mime_type = call->own->mime_type;
    return TY_OK;
}

const char *ty_find_pair(ty_pairs pairs, const char *key) {
    for (size_t i = 0; i < pairs.count; i++) {
        if (strcmp(pairs.items[i].key, key) == 0) return pairs.items[i].value;
    }
    return NULL;
}

const char *ty_variable(const ty_call *call, const char *name) {
    const ty_list *variables = &call->own->variables;
    return ty_find_pair((ty_pairs){ variables->items, variables->count }, name);
}

void ty_entry(ty_call *call, const ty_resource_info *resource) {
    *(ty_resource_info *)ty_push(call, &call->own->entries, sizeof *resource) = *resource;
}

const char *ty_cursor(const ty_call *call) {
    return call->own->cursor;
}

void ty_next(ty_call *call, const char *cursor) {
    call->own->next = cursor;
}

void ty_suggest(ty_call *call, const char *value) {
    *(const char **)ty_push(call, &call->own->suggestions, sizeof value) = value;
}

const char *ty_known(const ty_call *call, const char *argument) {
    return ty_find_pair(call->own->known, argument);
}

void ty_more(ty_call *call, int64_t total) {
    call->own->has_more = true;
    call->own->total = total;
}
