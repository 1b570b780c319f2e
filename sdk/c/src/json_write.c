/* The writer of JSON, and numbers in their shortest form. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

ty_writer ty_json_writer(ty_call *call) {
    return (ty_writer){ .call = call };
}

static void put(ty_writer *w, const char *data, size_t length) {
    if (length > SIZE_MAX / 4 - w->length) abort();
    /* One byte more than is used, for the end of the text. */
    if (w->length + length + 1 > w->room) {
        size_t room = (w->length + length + 1) * 2;
        char *larger = ty_alloc(w->call, room);
        if (w->length) memcpy(larger, w->data, w->length);
        w->data = larger;
        w->room = room;
    }
    if (length) memcpy(w->data + w->length, data, length);
    w->length += length;
    w->data[w->length] = 0;
}

static void put_text(ty_writer *w, const char *text) {
    put(w, text, strlen(text));
}

/* In front of a value or a key. */
static void separate(ty_writer *w) {
    if (w->needs_comma) put(w, ",", 1);
    w->needs_comma = true;
}

void ty_write_begin(ty_writer *w, char bracket) {
    separate(w);
    put(w, &bracket, 1);
    w->needs_comma = false;
}

void ty_write_end(ty_writer *w, char bracket) {
    put(w, &bracket, 1);
    w->needs_comma = true;
}

void ty_write_bytes(ty_writer *w, ty_bytes text) {
    separate(w);
    text = ty_clean(w->call, text);
    put(w, "\"", 1);
    size_t start = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        put(w, text.data + start, i - start);
        start = i + 1;
        static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
        const char *known = byte ? strchr(named, byte) : NULL;
        char escape[8];
        if (known) snprintf(escape, sizeof escape, "\\%c", names[known - named]);
        else snprintf(escape, sizeof escape, "\\u%04x", byte);
        put_text(w, escape);
    }
    put(w, text.data + start, text.length - start);
    put(w, "\"", 1);
}

void ty_write_text(ty_writer *w, const char *text) {
    if (text) ty_write_bytes(w, ty_bytes_of(text));
    else ty_write_null(w);
}

void ty_write_key(ty_writer *w, const char *key) {
    ty_write_text(w, key);
    put(w, ":", 1);
    w->needs_comma = false;
}

void ty_write_json(ty_writer *w, const char *json) {
    separate(w);
    put_text(w, json);
}

void ty_write_null(ty_writer *w) {
    ty_write_json(w, "null");
}

void ty_write_boolean(ty_writer *w, bool value) {
    ty_write_json(w, value ? "true" : "false");
}

void ty_write_integer(ty_writer *w, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    ty_write_json(w, text);
}

/* Digits and a decimal exponent: d.ddd * 10^exponent, with as few digits as read back as the same number. */
static int shortest_digits(double value, char digits[20]) {
    char text[40];
    /* With 15 digits, any decimal survives a double, but for the smallest ones, which have less room. */
    for (int precision = fabs(value) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, fabs(value));
        if (strtod(text, NULL) == fabs(value)) break;
    }
    char *exponent = strchr(text, 'e');
    size_t count = 0;
    for (const char *at = text; at < exponent; at++) {
        if (*at != '.') digits[count++] = *at;
    }
    while (count > 1 && digits[count - 1] == '0') count--;
    digits[count] = 0;
    return atoi(exponent + 1);
}

/* As ECMAScript writes numbers: plainly from 1e-7 up to 1e21, and with an exponent beyond. */
const char *ty_number_text(ty_call *call, double value) {
    if (!isfinite(value)) return "null";
    if (value == 0) return "0";
    char digits[20];
    int exponent = shortest_digits(value, digits), count = (int)strlen(digits);
    const char *sign = value < 0 ? "-" : "";
    if (exponent >= 21 || exponent < -6) {
        const char *point = count > 1 ? "." : "";
        return ty_format(call, "%s%c%s%se%d", sign, digits[0], point, digits + 1, exponent);
    }
    if (exponent < 0) return ty_format(call, "%s0.%.*s%s", sign, -exponent - 1, "000000", digits);
    if (count <= exponent + 1) return ty_format(call, "%s%s%.*s", sign, digits, exponent + 1 - count, "00000000000000000000");
    return ty_format(call, "%s%.*s.%s", sign, exponent + 1, digits, digits + exponent + 1);
}

void ty_write_number(ty_writer *w, double value) {
    ty_write_json(w, ty_number_text(w->call, value));
}

void ty_write_value(ty_writer *w, const ty_json *json) {
    switch (json ? json->kind : TY_JSON_NULL) {
    case TY_JSON_NULL:
        ty_write_null(w);
        break;
    case TY_JSON_BOOLEAN:
        ty_write_boolean(w, json->boolean);
        break;
    case TY_JSON_NUMBER:
        if (json->is_integer) ty_write_integer(w, json->integer);
        else ty_write_number(w, json->number);
        break;
    case TY_JSON_TEXT:
        ty_write_bytes(w, json->text);
        break;
    case TY_JSON_ARRAY:
        ty_write_begin(w, '[');
        for (size_t i = 0; i < json->count; i++) ty_write_value(w, &json->items[i]);
        ty_write_end(w, ']');
        break;
    case TY_JSON_OBJECT:
        ty_write_begin(w, '{');
        for (size_t i = 0; i < json->count; i++) {
            ty_write_bytes(w, json->keys[i]);
            put(w, ":", 1);
            w->needs_comma = false;
            ty_write_value(w, &json->items[i]);
        }
        ty_write_end(w, '}');
        break;
    }
}

const char *ty_written(ty_writer *w) {
    return w->data ? w->data : "";
}
