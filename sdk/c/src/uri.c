/* URLs and URI templates. */
#include <string.h>

#include "internal.h"

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *ty_url_encode(ty_call *call, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = ty_alloc_many(call, strlen(text) + 1, 3), *out = encoded;
    for (; *text; text++) {
        if (is_letter_or_digit(*text) || strchr("-._~", *text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = hex[(unsigned char)*text >> 4];
        *out++ = hex[*text & 15];
    }
    return encoded;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

const char *ty_url_decode(ty_call *call, const char *text, size_t length) {
    char *decoded = ty_alloc(call, length + 1), *out = decoded;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        if (length - i < 3) return NULL;
        int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        if (high < 0 || low < 0 || high + low == 0) return NULL;
        *out++ = (char)(high << 4 | low);
        i += 2;
    }
    size_t count = (size_t)(out - decoded), at = 0, one;
    while (at < count && (one = ty_utf8_length(decoded + at, count - at))) at += one;
    return at == count ? decoded : NULL;
}

bool ty_is_template(const char *uri) {
    return strchr(uri, '{') != NULL;
}

const char *ty_template_beginning(ty_call *call, const char *uri_template) {
    return ty_copy(call, uri_template, strcspn(uri_template, "{")).data;
}

/* Whether `name` stands in the `length` characters of a list such as `part,size`. */
static bool is_listed(const char *list, size_t length, const char *name) {
    for (size_t at = 0; at < length; at++) {
        size_t own = strcspn(list + at, ",}");
        if (strlen(name) == own && strncmp(list + at, name, own) == 0) return true;
        at += own;
    }
    return false;
}

/* What is in a query may be missing, and others may be for somebody between the client and us. */
static bool fit_query(ty_call *call, const char *names, const char *uri, ty_list *variables) {
    size_t names_length = strcspn(names, "}");
    if (!names[names_length] || names[names_length + 1]) return false;
    if (!*uri) return true;
    if (*uri != '?') return false;
    while (*uri++) {
        size_t length = strcspn(uri, "&"), name_length = strcspn(uri, "=&");
        const char *name = ty_copy(call, uri, name_length).data;
        const char *written = uri + name_length + (uri[name_length] == '=');
        const char *value = ty_url_decode(call, written, length - (size_t)(written - uri));
        if (!value) return false;
        if (is_listed(names, names_length, name)) *(ty_pair *)ty_push(call, variables, sizeof(ty_pair)) = (ty_pair){ name, value };
        uri += length;
    }
    return true;
}

/* Tries all values, the shortest first: what follows says where one ends. */
bool ty_fit_template(ty_call *call, const char *uri_template, const char *uri, ty_list *variables) {
    while (*uri_template && *uri_template != '{') {
        if (*uri_template++ != *uri++) return false;
    }
    if (!*uri_template) return !*uri;
    if (uri_template[1] == '?') return fit_query(call, uri_template + 2, uri, variables);
    bool is_rest = uri_template[1] == '+';
    const char *name = uri_template + 1 + is_rest;
    size_t name_length = strcspn(name, "}");
    if (!name[name_length]) return false;
    size_t end_max = is_rest ? strlen(uri) : strcspn(uri, "/?#"), before = variables->count;
    for (size_t end = 1; end <= end_max; end++) {
        const char *value = ty_url_decode(call, uri, end);
        if (!value) continue;
        *(ty_pair *)ty_push(call, variables, sizeof(ty_pair)) = (ty_pair){ ty_copy(call, name, name_length).data, value };
        if (ty_fit_template(call, name + name_length + 1, uri + end, variables)) return true;
        variables->count = before;
    }
    return false;
}

/* Whether `host:port` can be one: a name, an IPv4 address or an IPv6 address in brackets, and digits behind the colon. */
static bool is_authority(const char *text, size_t length) {
    size_t at = 0;
    if (length && text[0] == '[') {
        while (at < length && text[at] != ']') at++;
        for (size_t i = 1; i < at; i++) {
            if (hex_value(text[i]) < 0 && text[i] != ':' && text[i] != '.') return false;
        }
        if (at == length || at < 3) return false;
        at++;
    } else {
        while (at < length && (is_letter_or_digit(text[at]) || strchr("-._", text[at]))) at++;
        if (at == 0) return false;
    }
    if (at == length) return true;
    if (text[at++] != ':' || at == length || length - at > 5) return false;
    for (; at < length; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
    }
    return true;
}

enum { URL_BYTES_MAX = 8192 };

/* Without `.` and `..`, which would lead elsewhere than what was granted: RFC 3986, section 5.2.4. */
static const char *without_dots(ty_call *call, const char *path) {
    size_t length = strcspn(path, "?");
    char *kept = ty_alloc(call, strlen(path) + 2), *out = kept;
    for (size_t at = 0; at < length;) {
        size_t end = at + 1;
        while (end < length && path[end] != '/') end++;
        size_t part = end - at - 1;
        bool is_last = end == length;
        if (part == 1 && path[at + 1] == '.') {
            if (is_last) *out++ = '/';
        } else if (part == 2 && path[at + 1] == '.' && path[at + 2] == '.') {
            while (out > kept && *--out != '/') {}
            if (is_last) *out++ = '/';
        } else {
            memcpy(out, path + at, end - at);
            out += end - at;
        }
        at = end;
    }
    strcpy(out, path + length);
    return kept;
}

const char *ty_url_join(ty_call *call, const ty_url *base, const char *reference) {
    const char *scheme = base->is_https ? "https:" : "http:";
    size_t first = strcspn(reference, ":/?#");
    /* With a scheme of its own. */
    if (reference[first] == ':') return reference;
    if (ty_begins(reference, "//")) return ty_format(call, "%s%s", scheme, reference);
    size_t path_length = strcspn(base->path, "?");
    if (*reference == '?' || *reference == '#' || !*reference) {
        const char *query = *reference == '?' ? "" : base->path + path_length;
        return ty_format(call, "%s//%s%.*s%s%s", scheme, base->authority, (int)path_length, base->path, query, reference);
    }
    while (*reference != '/' && path_length && base->path[path_length - 1] != '/') path_length--;
    if (*reference == '/') path_length = 0;
    const char *whole = ty_format(call, "%.*s%s", (int)path_length, base->path, reference);
    const char *path = ty_copy(call, whole, strcspn(whole, "#")).data;
    return ty_format(call, "%s//%s%s", scheme, base->authority, without_dots(call, path));
}

const char *ty_url_read(ty_call *call, const char *text, ty_url *url) {
    if (!text) return "there is no URL";
    if (strlen(text) > URL_BYTES_MAX) return "the URL is too long";
    url->is_https = ty_begins(text, "https://");
    if (!url->is_https && !ty_begins(text, "http://")) return "the URL does not begin with https:// or http://";
    const char *authority = text + (url->is_https ? 8 : 7);
    size_t length = strcspn(authority, "/?#");
    if (!is_authority(authority, length)) return "the URL names no server";
    const char *path = authority + length;
    size_t path_length = strcspn(path, "#");
    for (size_t i = 0; i < path_length; i++) {
        /* What is not encoded could be read in two ways on its way. */
        if (path[i] <= ' ' || path[i] == 0x7F || strchr("\"<>\\^`{|}", path[i])) {
            return "the URL has a character in it that must be percent-encoded (see ty_url_encode)";
        }
    }
    url->authority = ty_copy(call, authority, length).data;
    url->path = ty_format(call, "%s%.*s", *path == '/' ? "" : "/", (int)path_length, path);
    return NULL;
}
