/* Requests to other servers, on top of what the host gives: checked, sent, and redirected if the request says so. */
#include <string.h>
#include <strings.h>

#include "internal.h"

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
    case TY_HTTP_REDIRECTS:
        return "there are too many redirects";
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

/* NULL, or what is wrong with it. */
static const char *check(const ty_request *request) {
    if (!is_token(request->method)) return "the method is none";
    for (size_t i = 0; i < request->headers_count; i++) {
        const ty_pair *header = &request->headers[i];
        bool is_fine = header->key && is_token(header->key) && header->value && !strpbrk(header->value, "\r\n");
        if (!is_fine) return "a header is not well formed";
    }
    return NULL;
}

/* Headers without those that are for the server they were written for, or for a body that does not go along. */
static void drop_headers(ty_call *call, ty_request *request, bool credentials, bool body) {
    static const char *const secret[] = { "authorization", "cookie", "cookie2", "proxy-authorization" };
    ty_pair *kept = TY_NEW(call, ty_pair, request->headers_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < request->headers_count; i++) {
        const char *name = request->headers[i].key;
        bool goes = body && strncasecmp(name, "content-", 8) == 0;
        for (size_t j = 0; credentials && j < sizeof secret / sizeof *secret; j++) goes |= strcasecmp(name, secret[j]) == 0;
        if (!goes) kept[count++] = request->headers[i];
    }
    request->headers = kept;
    request->headers_count = count;
}

/* The request as the redirect wants it: RFC 9110, section 15.4. NULL, or what is wrong with where it leads. */
static const char *redirect(ty_call *call, ty_request *request, ty_url *url, int status, const char *location) {
    ty_url from = *url;
    request->url = ty_url_join(call, &from, location);
    const char *wrong = ty_url_read(call, request->url, url);
    if (wrong) return wrong;
    bool elsewhere = from.is_https != url->is_https || strcasecmp(from.authority, url->authority) != 0;
    /* 307 and 308 say: the same again. The others mean that what was posted arrived, and the answer is elsewhere. */
    bool again = status == 307 || status == 308 || strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    drop_headers(call, request, elsewhere, !again);
    if (!again) {
        request->method = "GET";
        request->body = (ty_bytes){ NULL, 0 };
    }
    return NULL;
}

static const char *location_of(const ty_response *response) {
    int status = response->status;
    bool is_redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return is_redirect ? ty_header(response, "location") : NULL;
}

ty_status ty_fetch(ty_call *call, const ty_request *request, ty_response *response) {
    ty_url url;
    ty_request whole = *request;
    if (!whole.method) whole.method = whole.body.length ? "POST" : "GET";
    if (!whole.timeout_ms) whole.timeout_ms = TY_HTTP_TIMEOUT_MS;
    if (!whole.response_bytes_max) whole.response_bytes_max = TY_HTTP_RESPONSE_BYTES_MAX;
    const char *wrong = ty_url_read(call, whole.url, &url);
    if (!wrong) wrong = check(&whole);
    if (wrong) return refuse(call, response, TY_HTTP_INVALID, wrong);
    uint64_t end = ty_host_now_ms() + whole.timeout_ms;
    for (unsigned redirects = 0;; redirects++) {
        *response = (ty_response){ 0 };
        response->failure = ty_host_fetch(call, &whole, &url, response);
        if (response->failure) return ty_failed(call, "%s", ty_http_sentence(response->failure));
        response->url = whole.url;
        const char *location = request->redirects_max ? location_of(response) : NULL;
        if (!location) return TY_OK;
        if (redirects == request->redirects_max) return refuse(call, response, TY_HTTP_REDIRECTS, ty_http_sentence(TY_HTTP_REDIRECTS));
        if (redirect(call, &whole, &url, response->status, location)) {
            return refuse(call, response, TY_HTTP_REDIRECTS, "the server redirects to what is no address");
        }
        uint64_t now = ty_host_now_ms();
        if (now >= end) return refuse(call, response, TY_HTTP_TIMEOUT, ty_http_sentence(TY_HTTP_TIMEOUT));
        whole.timeout_ms = (uint32_t)(end - now);
    }
}

const char *ty_header(const ty_response *response, const char *name) {
    for (size_t i = 0; i < response->headers.count; i++) {
        if (strcasecmp(response->headers.items[i].key, name) == 0) return response->headers.items[i].value;
    }
    return NULL;
}
