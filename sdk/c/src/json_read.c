/* The strict reader of JSON (RFC 8259). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { DEPTH_MAX = 100, KEYS_COMPARED_MAX = 8 };

typedef struct reader {
    ty_call *call;
    const char *start;
    const char *at;
    const char *end;
    int depth;
    const char *wrong;
} reader;

static bool read_value(reader *r, ty_json *json);

/* The first thing that is wrong is the one that is told. */
static bool fail(reader *r, const char *wrong) {
    if (!r->wrong) r->wrong = wrong;
    return false;
}

static void skip_space(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool take(reader *r, char wanted) {
    if (r->at == r->end || *r->at != wanted) return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return fail(r, "a value is expected");
    r->at += length;
    return true;
}

static size_t take_digits(reader *r) {
    const char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return (size_t)(r->at - start);
}

static bool read_number(reader *r, ty_json *json) {
    const char *start = r->at;
    take(r, '-');
    if (!take(r, '0') && take_digits(r) == 0) return fail(r, "a digit is expected");
    bool is_whole = true;
    if (take(r, '.')) {
        is_whole = false;
        if (take_digits(r) == 0) return fail(r, "a digit is expected");
    }
    if (take(r, 'e') || take(r, 'E')) {
        is_whole = false;
        if (!take(r, '+')) take(r, '-');
        if (take_digits(r) == 0) return fail(r, "a digit is expected");
    }
    /* The C library wants an end to it. */
    ty_bytes text = ty_copy(r->call, start, (size_t)(r->at - start));
    json->kind = TY_JSON_NUMBER;
    json->number = strtod(text.data, NULL);
    if (!isfinite(json->number)) return fail(r, "a number is too large");
    if (is_whole) {
        errno = 0;
        json->integer = strtoll(text.data, NULL, 10);
        json->is_integer = errno == 0;
    }
    return true;
}

static bool read_hex(reader *r, unsigned *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end) return fail(r, "four hexadecimal digits are expected");
        char digit = *r->at;
        unsigned value;
        if (digit >= '0' && digit <= '9') value = (unsigned)(digit - '0');
        else if (digit >= 'a' && digit <= 'f') value = (unsigned)(digit - 'a') + 10;
        else if (digit >= 'A' && digit <= 'F') value = (unsigned)(digit - 'A') + 10;
        else return fail(r, "four hexadecimal digits are expected");
        *unit = *unit * 16 + value;
    }
    return true;
}

static char *put_code_point(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xE0 | code >> 12);
        } else {
            *out++ = (char)(0xF0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (code & 0x3F));
    return out;
}

static bool read_escape(reader *r, char **out) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end) return fail(r, "the text does not end");
    char name = *r->at++;
    const char *known = name ? strchr(names, name) : NULL;
    if (known) {
        *(*out)++ = values[known - names];
        return true;
    }
    if (name != 'u') return fail(r, "there is no such escape");
    unsigned unit, low;
    if (!read_hex(r, &unit)) return false;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        if (unit > 0xDBFF || !take(r, '\\') || !take(r, 'u')) return fail(r, "half of a surrogate pair stands alone");
        if (!read_hex(r, &low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return fail(r, "half of a surrogate pair stands alone");
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_code_point(*out, unit);
    return true;
}

/* An upper bound of what the text holds; decoding never makes it longer. */
static size_t text_room(const reader *r) {
    const char *at = r->at;
    while (at < r->end && *at != '"') at += *at == '\\' && r->end - at > 1 ? 2 : 1;
    return (size_t)(at - r->at) + 1;
}

static bool read_text(reader *r, ty_bytes *text) {
    if (!take(r, '"')) return fail(r, "a text is expected");
    char *start = ty_alloc(r->call, text_room(r)), *out = start;
    while (!take(r, '"')) {
        if (r->at == r->end) return fail(r, "the text does not end");
        if (take(r, '\\')) {
            if (!read_escape(r, &out)) return false;
            continue;
        }
        if ((unsigned char)*r->at < 0x20) return fail(r, "a control character stands in a text");
        size_t length = ty_utf8_length(r->at, (size_t)(r->end - r->at));
        if (length == 0) return fail(r, "it is not UTF-8");
        memcpy(out, r->at, length);
        out += length;
        r->at += length;
    }
    *text = (ty_bytes){ start, (size_t)(out - start) };
    return true;
}

static bool read_array(reader *r, ty_json *json) {
    ty_list items = { 0 };
    json->kind = TY_JSON_ARRAY;
    skip_space(r);
    if (take(r, ']')) return true;
    do {
        ty_json item = { 0 };
        if (!read_value(r, &item)) return false;
        *(ty_json *)ty_push(r->call, &items, sizeof item) = item;
    } while (take(r, ','));
    json->items = items.items;
    json->count = items.count;
    return take(r, ']') || fail(r, "`,` or `]` is expected");
}

static int compare_keys(const void *one, const void *other) {
    const ty_bytes *a = *(const ty_bytes *const *)one, *b = *(const ty_bytes *const *)other;
    int order = memcmp(a->data, b->data, a->length < b->length ? a->length : b->length);
    if (order != 0) return order;
    return (a->length > b->length) - (a->length < b->length);
}

/* Large objects are sorted first, so that the time this takes does not grow with the square of their keys. */
static bool has_key_twice(ty_call *call, const ty_bytes *keys, size_t count) {
    const ty_bytes **sorted = TY_NEW(call, const ty_bytes *, count);
    for (size_t i = 0; i < count; i++) sorted[i] = &keys[i];
    if (count > KEYS_COMPARED_MAX) qsort(sorted, count, sizeof *sorted, compare_keys);
    for (size_t i = 1; i < count; i++) {
        size_t first = count > KEYS_COMPARED_MAX ? i - 1 : 0;
        for (size_t j = first; j < i; j++) {
            if (compare_keys(&sorted[i], &sorted[j]) == 0) return true;
        }
    }
    return false;
}

static bool read_object(reader *r, ty_json *json) {
    ty_list items = { 0 }, keys = { 0 };
    json->kind = TY_JSON_OBJECT;
    skip_space(r);
    if (take(r, '}')) return true;
    do {
        ty_bytes key;
        ty_json item = { 0 };
        skip_space(r);
        if (!read_text(r, &key)) return false;
        skip_space(r);
        if (!take(r, ':')) return fail(r, "`:` is expected");
        if (!read_value(r, &item)) return false;
        *(ty_bytes *)ty_push(r->call, &keys, sizeof key) = key;
        *(ty_json *)ty_push(r->call, &items, sizeof item) = item;
    } while (take(r, ','));
    if (!take(r, '}')) return fail(r, "`,` or `}` is expected");
    json->items = items.items;
    json->keys = keys.items;
    json->count = items.count;
    if (has_key_twice(r->call, json->keys, json->count)) return fail(r, "a key stands twice in an object");
    return true;
}

static bool read_plain(reader *r, ty_json *json) {
    switch (*r->at) {
    case 'n':
        json->kind = TY_JSON_NULL;
        return take_word(r, "null");
    case 't':
        json->kind = TY_JSON_BOOLEAN;
        json->boolean = true;
        return take_word(r, "true");
    case 'f':
        json->kind = TY_JSON_BOOLEAN;
        return take_word(r, "false");
    case '"':
        json->kind = TY_JSON_TEXT;
        return read_text(r, &json->text);
    default:
        if (*r->at != '-' && (*r->at < '0' || *r->at > '9')) return fail(r, "a value is expected");
        return read_number(r, json);
    }
}

/* A value, with the space around it. */
static bool read_value(reader *r, ty_json *json) {
    skip_space(r);
    if (r->at == r->end) return fail(r, "a value is expected");
    bool ok;
    if (*r->at == '[' || *r->at == '{') {
        if (++r->depth > DEPTH_MAX) return fail(r, "it is nested too deeply");
        ok = *r->at++ == '[' ? read_array(r, json) : read_object(r, json);
        r->depth--;
    } else {
        ok = read_plain(r, json);
    }
    skip_space(r);
    return ok;
}

ty_status ty_json_read(ty_call *call, ty_bytes text, const ty_json **json) {
    ty_json *value = TY_NEW(call, ty_json, 1);
    if (!text.data) text.data = "";
    reader r = { call, text.data, text.data, text.data + text.length, 0, NULL };
    if (!read_value(&r, value) || (r.at != r.end && !fail(&r, "something follows the value"))) {
        return ty_failed(call, "It is not JSON: %s at byte %zu.", r.wrong, (size_t)(r.at - r.start));
    }
    *json = value;
    return TY_OK;
}

const ty_json *ty_json_get(const ty_json *object, const char *key) {
    if (!object || object->kind != TY_JSON_OBJECT) return NULL;
    size_t length = strlen(key);
    for (size_t i = 0; i < object->count; i++) {
        if (object->keys[i].length == length && memcmp(object->keys[i].data, key, length) == 0) return &object->items[i];
    }
    return NULL;
}

const ty_json *ty_json_at(const ty_json *array, size_t index) {
    return array && array->kind == TY_JSON_ARRAY && index < array->count ? &array->items[index] : NULL;
}

const char *ty_json_text(const ty_json *json) {
    if (!json || json->kind != TY_JSON_TEXT || memchr(json->text.data, 0, json->text.length)) return NULL;
    return json->text.data;
}

/* Whole numbers that a double holds exactly. */
static const double WHOLE_MAX = 9007199254740992.0;

bool ty_json_integer(const ty_json *json, int64_t *value) {
    if (!json || json->kind != TY_JSON_NUMBER) return false;
    if (json->is_integer) {
        *value = json->integer;
        return true;
    }
    /* 3.0 and 1e2 are integers to JSON Schema. */
    if (json->number != floor(json->number) || fabs(json->number) > WHOLE_MAX) return false;
    *value = (int64_t)json->number;
    return true;
}

bool ty_json_number(const ty_json *json, double *value) {
    if (!json || json->kind != TY_JSON_NUMBER) return false;
    *value = json->number;
    return true;
}

bool ty_json_boolean(const ty_json *json, bool *value) {
    if (!json || json->kind != TY_JSON_BOOLEAN) return false;
    *value = json->boolean;
    return true;
}
