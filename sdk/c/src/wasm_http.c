/* One request over wasi:http, and the wait for it. */
#ifdef __wasm__
#include <string.h>

#include "wasm.h"

typedef wasi_http_types_error_code_t error_code;

/* What one write may hold, as wasi:io has it, and how much is asked of the host at once. */
enum { WRITE_BYTES_MAX = 4096, READ_BYTES_MAX = 64 << 10 };

static ty_http_failure failure_of(const error_code *code) {
    switch (code->tag) {
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED:
    case WASI_HTTP_TYPES_ERROR_CODE_DESTINATION_IP_PROHIBITED:
        return TY_HTTP_DENIED;
    case WASI_HTTP_TYPES_ERROR_CODE_DNS_ERROR:
    case WASI_HTTP_TYPES_ERROR_CODE_DESTINATION_NOT_FOUND:
        return TY_HTTP_DNS;
    case WASI_HTTP_TYPES_ERROR_CODE_DNS_TIMEOUT:
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_TIMEOUT:
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_READ_TIMEOUT:
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_WRITE_TIMEOUT:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_TIMEOUT:
        return TY_HTTP_TIMEOUT;
    case WASI_HTTP_TYPES_ERROR_CODE_DESTINATION_UNAVAILABLE:
    case WASI_HTTP_TYPES_ERROR_CODE_DESTINATION_IP_UNROUTABLE:
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_REFUSED:
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_TERMINATED:
        return TY_HTTP_CONNECT;
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_LIMIT_REACHED:
        return TY_HTTP_TOO_MANY;
    case WASI_HTTP_TYPES_ERROR_CODE_TLS_PROTOCOL_ERROR:
    case WASI_HTTP_TYPES_ERROR_CODE_TLS_CERTIFICATE_ERROR:
    case WASI_HTTP_TYPES_ERROR_CODE_TLS_ALERT_RECEIVED:
        return TY_HTTP_TLS;
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE:
        return TY_HTTP_TOO_LARGE;
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_METHOD_INVALID:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_URI_INVALID:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_URI_TOO_LONG:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_BODY_SIZE:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_HEADER_SIZE:
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_HEADER_SECTION_SIZE:
        return TY_HTTP_INVALID;
    default:
        return TY_HTTP_BROKEN;
    }
}

/* Waits for `ready`, which is used up, or until it is too late. */
static ty_http_failure wait_until(wasi_io_poll_own_pollable_t ready, uint64_t deadline_ns) {
    wasi_io_poll_own_pollable_t late = wasi_clocks_monotonic_clock_subscribe_instant(deadline_ns);
    wasi_io_poll_borrow_pollable_t both[] = { { ready.__handle }, { late.__handle } };
    wasi_io_poll_list_borrow_pollable_t list = { both, 2 };
    guest_list_u32_t done;
    wasi_io_poll_poll(&list, &done);
    wasi_io_poll_pollable_drop_own(ready);
    wasi_io_poll_pollable_drop_own(late);
    for (size_t i = 0; i < done.len; i++) {
        if (done.ptr[i] == 0) return TY_HTTP_NONE;
    }
    return TY_HTTP_TIMEOUT;
}

static wasi_http_types_method_t wire_method(ty_call *call, const char *name) {
    static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" };
    wasi_http_types_method_t method = { .tag = WASI_HTTP_TYPES_METHOD_OTHER };
    method.val.other = ty_wire(call, name);
    for (uint8_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i], name) == 0) method.tag = i;
    }
    return method;
}

static bool append(ty_call *call, wasi_http_types_borrow_fields_t fields, const char *name, const char *value) {
    guest_string_t wire_name = ty_wire(call, name);
    wasi_http_types_field_value_t wire_value = { (uint8_t *)value, strlen(value) };
    wasi_http_types_header_error_t error;
    return wasi_http_types_method_fields_append(fields, &wire_name, &wire_value, &error);
}

/* The request's head; false if there is something in it that is not the plugin's to set. */
static bool make_head(ty_call *call, const ty_request *request, const ty_url *url,
                      wasi_http_types_own_outgoing_request_t *head) {
    wasi_http_types_own_fields_t fields = wasi_http_types_constructor_fields();
    wasi_http_types_borrow_fields_t borrowed = { fields.__handle };
    bool is_fine = true;
    for (size_t i = 0; i < request->headers_count; i++) {
        is_fine = is_fine && append(call, borrowed, request->headers[i].key, request->headers[i].value);
    }
    if (request->body.length) {
        is_fine = is_fine && append(call, borrowed, "content-length", ty_format(call, "%zu", request->body.length));
    }
    *head = wasi_http_types_constructor_outgoing_request(fields);
    wasi_http_types_borrow_outgoing_request_t self = { head->__handle };
    wasi_http_types_method_t method = wire_method(call, request->method);
    wasi_http_types_scheme_t scheme = { .tag = url->is_https ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP };
    guest_string_t authority = ty_wire(call, url->authority), path = ty_wire(call, url->path);
    is_fine = is_fine && wasi_http_types_method_outgoing_request_set_method(self, &method) &&
              wasi_http_types_method_outgoing_request_set_scheme(self, &scheme) &&
              wasi_http_types_method_outgoing_request_set_authority(self, &authority) &&
              wasi_http_types_method_outgoing_request_set_path_with_query(self, &path);
    if (!is_fine) wasi_http_types_outgoing_request_drop_own(*head);
    return is_fine;
}

/* The host is told, too, so that it gives up when nobody waits any more. */
static wasi_http_types_own_request_options_t make_options(uint32_t timeout_ms) {
    wasi_http_types_duration_t duration_ns = (uint64_t)timeout_ms * 1000000;
    wasi_http_types_own_request_options_t options = wasi_http_types_constructor_request_options();
    wasi_http_types_borrow_request_options_t self = { options.__handle };
    /* A host that does not know one of them is no reason not to ask: the deadline is kept here anyway. */
    wasi_http_types_method_request_options_set_connect_timeout(self, &duration_ns);
    wasi_http_types_method_request_options_set_first_byte_timeout(self, &duration_ns);
    wasi_http_types_method_request_options_set_between_bytes_timeout(self, &duration_ns);
    return options;
}

/* If the server does not want it all, its response says why; if there is none, that is the error. */
static void write_body(wasi_http_types_own_outgoing_body_t body, ty_bytes bytes, uint64_t deadline_ns) {
    wasi_http_types_own_output_stream_t stream;
    wasi_http_types_borrow_outgoing_body_t self = { body.__handle };
    if (!wasi_http_types_method_outgoing_body_write(self, &stream)) return;
    wasi_io_streams_borrow_output_stream_t out = { stream.__handle };
    wasi_io_streams_stream_error_t error;
    while (bytes.length > 0) {
        uint64_t room;
        if (!wasi_io_streams_method_output_stream_check_write(out, &room, &error)) break;
        if (room == 0) {
            if (wait_until(wasi_io_streams_method_output_stream_subscribe(out), deadline_ns)) break;
            continue;
        }
        size_t now = bytes.length;
        if (now > room) now = (size_t)room;
        if (now > WRITE_BYTES_MAX) now = WRITE_BYTES_MAX;
        guest_list_u8_t part = { (uint8_t *)bytes.data, now };
        if (!wasi_io_streams_method_output_stream_write(out, &part, &error)) break;
        bytes = (ty_bytes){ bytes.data + now, bytes.length - now };
    }
    wasi_io_streams_method_output_stream_flush(out, &error);
    wasi_io_streams_output_stream_drop_own(stream);
    wasi_http_types_error_code_t code;
    wasi_http_types_static_outgoing_body_finish(body, NULL, &code);
}

static ty_http_failure wait_for_head(wasi_http_types_own_future_incoming_response_t future, uint64_t deadline_ns,
                                     wasi_http_types_own_incoming_response_t *head) {
    wasi_http_types_borrow_future_incoming_response_t self = { future.__handle };
    wasi_http_types_result_result_own_incoming_response_error_code_void_t got;
    while (!wasi_http_types_method_future_incoming_response_get(self, &got)) {
        wasi_io_poll_own_pollable_t ready = wasi_http_types_method_future_incoming_response_subscribe(self);
        ty_http_failure late = wait_until(ready, deadline_ns);
        if (late) return late;
    }
    if (got.is_err) return TY_HTTP_BROKEN;
    if (got.val.ok.is_err) return failure_of(&got.val.ok.val.err);
    *head = got.val.ok.val.ok;
    return TY_HTTP_NONE;
}

static void read_headers(ty_call *call, wasi_http_types_borrow_incoming_response_t head, ty_response *response) {
    wasi_http_types_own_headers_t headers = wasi_http_types_method_incoming_response_headers(head);
    wasi_http_types_borrow_fields_t self = { headers.__handle };
    wasi_http_types_list_tuple2_field_name_field_value_t entries;
    wasi_http_types_method_fields_entries(self, &entries);
    ty_pair *pairs = TY_NEW(call, ty_pair, entries.len + 1);
    for (size_t i = 0; i < entries.len; i++) {
        ty_bytes value = ty_copy(call, entries.ptr[i].f1.ptr, entries.ptr[i].f1.len);
        pairs[i] = (ty_pair){ ty_from_wire(call, entries.ptr[i].f0), ty_clean(call, value).data };
    }
    response->headers = (ty_pairs){ pairs, entries.len };
    wasi_http_types_fields_drop_own(headers);
}

static ty_http_failure why_it_ended(const wasi_io_streams_stream_error_t *error) {
    error_code code;
    if (error->tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED) return TY_HTTP_NONE;
    wasi_io_error_borrow_error_t cause = { error->val.last_operation_failed.__handle };
    return wasi_http_types_http_error_code(cause, &code) ? failure_of(&code) : TY_HTTP_BROKEN;
}

static ty_http_failure read_body(ty_call *call, wasi_io_streams_borrow_input_stream_t in, size_t bytes_max,
                                 uint64_t deadline_ns, ty_bytes *body) {
    ty_list parts = { 0 };
    size_t length = 0;
    for (;;) {
        guest_list_u8_t part;
        wasi_io_streams_stream_error_t error;
        if (!wasi_io_streams_method_input_stream_read(in, READ_BYTES_MAX, &part, &error)) {
            ty_http_failure failure = why_it_ended(&error);
            if (failure) return failure;
            break;
        }
        if (part.len == 0) {
            ty_http_failure late = wait_until(wasi_io_streams_method_input_stream_subscribe(in), deadline_ns);
            if (late) return late;
            continue;
        }
        if (part.len > bytes_max - length) return TY_HTTP_TOO_LARGE;
        length += part.len;
        *(guest_list_u8_t *)ty_push(call, &parts, sizeof part) = part;
    }
    char *all = ty_alloc(call, length + 1), *at = all;
    for (size_t i = 0; i < parts.count; i++) {
        const guest_list_u8_t *part = (const guest_list_u8_t *)parts.items + i;
        memcpy(at, part->ptr, part->len);
        at += part->len;
    }
    *body = (ty_bytes){ all, length };
    return TY_HTTP_NONE;
}

static ty_http_failure read_response(ty_call *call, wasi_http_types_own_incoming_response_t head, size_t bytes_max,
                                     uint64_t deadline_ns, ty_response *response) {
    wasi_http_types_borrow_incoming_response_t self = { head.__handle };
    wasi_http_types_own_incoming_body_t body;
    wasi_http_types_own_input_stream_t stream;
    response->status = wasi_http_types_method_incoming_response_status(self);
    read_headers(call, self, response);
    if (!wasi_http_types_method_incoming_response_consume(self, &body)) return TY_HTTP_BROKEN;
    wasi_http_types_borrow_incoming_body_t borrowed = { body.__handle };
    if (!wasi_http_types_method_incoming_body_stream(borrowed, &stream)) return TY_HTTP_BROKEN;
    wasi_io_streams_borrow_input_stream_t in = { stream.__handle };
    ty_http_failure failure = read_body(call, in, bytes_max, deadline_ns, &response->body);
    /* Each is let go before what it is part of. */
    wasi_io_streams_input_stream_drop_own(stream);
    wasi_http_types_incoming_body_drop_own(body);
    return failure;
}

uint64_t ty_host_now_ms(void) {
    return wasi_clocks_monotonic_clock_now() / 1000000;
}

ty_http_failure ty_host_fetch(ty_call *call, const ty_request *request, const ty_url *url, ty_response *response) {
    uint64_t deadline_ns = wasi_clocks_monotonic_clock_now() + (uint64_t)request->timeout_ms * 1000000;
    wasi_http_types_own_outgoing_request_t head;
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_own_future_incoming_response_t future;
    wasi_http_types_own_incoming_response_t answer;
    error_code code;
    if (!make_head(call, request, url, &head)) return TY_HTTP_INVALID;
    bool has_body = request->body.length > 0;
    wasi_http_types_borrow_outgoing_request_t self = { head.__handle };
    if (has_body && !wasi_http_types_method_outgoing_request_body(self, &body)) return TY_HTTP_INVALID;
    wasi_http_types_own_request_options_t options = make_options(request->timeout_ms);
    if (!wasi_http_outgoing_handler_handle(head, &options, &future, &code)) return failure_of(&code);
    if (has_body) write_body(body, request->body, deadline_ns);
    ty_http_failure failure = wait_for_head(future, deadline_ns, &answer);
    if (!failure) {
        failure = read_response(call, answer, request->response_bytes_max, deadline_ns, response);
        wasi_http_types_incoming_response_drop_own(answer);
    }
    wasi_http_types_future_incoming_response_drop_own(future);
    if (failure) *response = (ty_response){ 0 };
    return failure;
}
#endif
