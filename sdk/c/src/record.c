/* Records: from JSON, to JSON, and their schemas. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

const char *ty_field_key(const ty_field *field) {
    return field->key ? field->key : field->name;
}

bool ty_is_required(const ty_field *field) {
    return field->layers[0].kind != TY_KIND_OPTIONAL && !field->fallback;
}

const char *ty_choice_text(ty_type_of type, int constant) {
    const char *const *choices = type()->choices;
    for (int i = 0; choices[i]; i++) {
        if (i == constant) return choices[i];
    }
    /* Not one of the enum's constants. */
    abort();
}

/* Where the value of an OPTIONAL or NULLABLE is: behind its `is_set`, as its alignment has it. */
static size_t value_offset(const ty_layer *layer) {
    size_t align = layer[1].kind == TY_KIND_OPTIONAL || layer[1].kind == TY_KIND_NULLABLE ? layer[2].align : layer[1].align;
    return align > sizeof(bool) ? align : sizeof(bool);
}

/* As LIST(kind) has it. */
typedef struct list_shape {
    const void *items;
    size_t count;
} list_shape;

typedef struct decoder {
    ty_call *call;
    const char *wrong; /* What is expected. */
} decoder;

static bool decode_record(decoder *d, const ty_type *type, const ty_json *json, void *value);
static bool decode_layer(decoder *d, const ty_layer *layer, const ty_json *json, void *value);

static bool expected(decoder *d, const char *what) {
    if (!d->wrong) d->wrong = what;
    return false;
}

static bool decode_list(decoder *d, const ty_layer *layer, const ty_json *json, void *value) {
    if (json->kind != TY_JSON_ARRAY) return expected(d, "is not an array");
    size_t size = layer[1].size;
    char *items = ty_alloc_many(d->call, json->count ? json->count : 1, size);
    for (size_t i = 0; i < json->count; i++) {
        if (decode_layer(d, layer + 1, &json->items[i], items + i * size)) continue;
        d->wrong = ty_format(d->call, d->wrong[0] == '`' ? "[%zu]: %s" : "[%zu] %s", i, d->wrong);
        return false;
    }
    *(list_shape *)value = (list_shape){ items, json->count };
    return true;
}

static bool decode_choice(decoder *d, const ty_type *type, const ty_json *json, void *value) {
    const char *text = ty_json_text(json);
    for (int i = 0; text && type->choices[i]; i++) {
        if (strcmp(type->choices[i], text) != 0) continue;
        memcpy(value, &i, sizeof i);
        return true;
    }
    const char *wrong = "is none of";
    for (int i = 0; type->choices[i]; i++) wrong = ty_format(d->call, "%s%s %s", wrong, i ? "," : "", type->choices[i]);
    return expected(d, wrong);
}

static bool decode_layer(decoder *d, const ty_layer *layer, const ty_json *json, void *value) {
    switch (layer->kind) {
    case TY_KIND_STRING:
        *(const char **)value = ty_json_text(json);
        if (json->kind != TY_JSON_TEXT) return expected(d, "is not text");
        return *(const char **)value || expected(d, "holds the character U+0000");
    case TY_KIND_INTEGER:
        return ty_json_integer(json, value) || expected(d, "is not a whole number");
    case TY_KIND_NUMBER:
        return ty_json_number(json, value) || expected(d, "is not a number");
    case TY_KIND_BOOLEAN:
        return ty_json_boolean(json, value) || expected(d, "is neither true nor false");
    case TY_KIND_JSON:
        *(const ty_json **)value = json;
        return true;
    case TY_KIND_ENUM:
        return decode_choice(d, layer->of(), json, value);
    case TY_KIND_RECORD:
        return decode_record(d, layer->of(), json, value);
    case TY_KIND_LIST:
        return decode_list(d, layer, json, value);
    case TY_KIND_OPTIONAL:
    case TY_KIND_NULLABLE:
        if (json->kind == TY_JSON_NULL) return true;
        *(bool *)value = true;
        return decode_layer(d, layer + 1, json, (char *)value + value_offset(layer));
    case TY_KIND_NONE:
        break;
    }
    return expected(d, "has a type with too many layers");
}

static bool decode_field(decoder *d, const ty_field *field, const ty_json *json, void *value) {
    if (!json && field->fallback && ty_json_read(d->call, ty_bytes_of(field->fallback), &json) != TY_OK) {
        return expected(d, "has a default that is not JSON");
    }
    if (json) return decode_layer(d, field->layers, json, value);
    bool may_miss = field->layers[0].kind == TY_KIND_OPTIONAL || field->layers[0].kind == TY_KIND_NULLABLE;
    return may_miss || expected(d, "is missing");
}

static bool decode_record(decoder *d, const ty_type *type, const ty_json *json, void *value) {
    if (json->kind != TY_JSON_OBJECT) return expected(d, "is not an object");
    memset(value, 0, type->size);
    for (const ty_field *field = type->fields; field->name; field++) {
        const char *key = ty_field_key(field);
        if (decode_field(d, field, ty_json_get(json, key), (char *)value + field->offset)) continue;
        /* From the inside out: `days` of `daily`, and `days`[2] of that. */
        const char *between = d->wrong[0] == '`' ? ": " : d->wrong[0] == '[' ? "" : " ";
        d->wrong = ty_format(d->call, "`%s`%s%s", key, between, d->wrong);
        return false;
    }
    return true;
}

ty_status ty_decode(ty_call *call, ty_type_of type, const ty_json *json, void *value) {
    static const ty_json nothing = { .kind = TY_JSON_NULL };
    decoder d = { call, NULL };
    if (decode_record(&d, type(), json ? json : &nothing, value)) return TY_OK;
    return ty_invalid_arguments(call, "%s%s", d.wrong[0] == '`' ? "" : "it ", d.wrong);
}

ty_status ty_decode_text(ty_call *call, ty_type_of type, ty_bytes text, void *value) {
    const ty_json *json;
    TY_TRY(ty_json_read(call, text, &json));
    return ty_decode(call, type, json, value);
}

static void encode_record(ty_writer *w, const ty_type *type, const void *value);

static void encode_layer(ty_writer *w, const ty_layer *layer, const void *value) {
    switch (layer->kind) {
    case TY_KIND_STRING:
        ty_write_text(w, *(const char *const *)value);
        break;
    case TY_KIND_INTEGER:
        ty_write_integer(w, *(const int64_t *)value);
        break;
    case TY_KIND_NUMBER:
        ty_write_number(w, *(const double *)value);
        break;
    case TY_KIND_BOOLEAN:
        ty_write_boolean(w, *(const bool *)value);
        break;
    case TY_KIND_JSON:
        ty_write_value(w, *(const ty_json *const *)value);
        break;
    case TY_KIND_ENUM:
        ty_write_text(w, ty_choice_text(layer->of, *(const int *)value));
        break;
    case TY_KIND_RECORD:
        encode_record(w, layer->of(), value);
        break;
    case TY_KIND_LIST: {
        const list_shape *list = value;
        ty_write_begin(w, '[');
        for (size_t i = 0; i < list->count; i++) encode_layer(w, layer + 1, (const char *)list->items + i * layer[1].size);
        ty_write_end(w, ']');
        break;
    }
    case TY_KIND_OPTIONAL:
    case TY_KIND_NULLABLE:
        if (*(const bool *)value) encode_layer(w, layer + 1, (const char *)value + value_offset(layer));
        else ty_write_null(w);
        break;
    case TY_KIND_NONE:
        abort();
    }
}

static void encode_record(ty_writer *w, const ty_type *type, const void *value) {
    ty_write_begin(w, '{');
    for (const ty_field *field = type->fields; field->name; field++) {
        const char *member = (const char *)value + field->offset;
        if (field->layers[0].kind == TY_KIND_OPTIONAL && !*(const bool *)member) continue;
        ty_write_key(w, ty_field_key(field));
        encode_layer(w, field->layers, member);
    }
    ty_write_end(w, '}');
}

void ty_encode(ty_writer *w, ty_type_of type, const void *value) {
    encode_record(w, type(), value);
}

const char *ty_encode_text(ty_call *call, ty_type_of type, const void *value) {
    ty_writer w = ty_json_writer(call);
    ty_encode(&w, type, value);
    return ty_written(&w);
}
