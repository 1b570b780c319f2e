/* JSON Schemas (2020-12) of records. */
#include <string.h>

#include "internal.h"

static void write_record(ty_writer *w, const ty_type *type, bool is_closed);

static void write_bound(ty_writer *w, const char *key, ty_bound bound) {
    if (!bound.is_set) return;
    ty_write_key(w, key);
    ty_write_number(w, bound.value);
}

static void write_type(ty_writer *w, const char *name, bool is_nullable) {
    ty_write_key(w, "type");
    if (is_nullable) ty_write_begin(w, '[');
    ty_write_text(w, name);
    if (is_nullable) {
        ty_write_text(w, "null");
        ty_write_end(w, ']');
    }
}

static void write_choices(ty_writer *w, const ty_type *type, bool is_nullable) {
    write_type(w, "string", is_nullable);
    ty_write_key(w, "enum");
    ty_write_begin(w, '[');
    for (const char *const *choice = type->choices; *choice; choice++) ty_write_text(w, *choice);
    if (is_nullable) ty_write_null(w);
    ty_write_end(w, ']');
}

static void write_properties(ty_writer *w, const ty_type *type, bool is_nullable) {
    write_type(w, "object", is_nullable);
    write_record(w, type, false);
}

/* The members of the schema of one layer, within an object that is open. */
static void write_layer(ty_writer *w, const ty_field *field, const ty_layer *layer, bool is_nullable) {
    switch (layer->kind) {
    case TY_KIND_STRING:
        write_type(w, "string", is_nullable);
        write_bound(w, "minLength", field->length_min);
        write_bound(w, "maxLength", field->length_max);
        break;
    case TY_KIND_INTEGER:
    case TY_KIND_NUMBER:
        write_type(w, layer->kind == TY_KIND_INTEGER ? "integer" : "number", is_nullable);
        write_bound(w, "minimum", field->minimum);
        write_bound(w, "maximum", field->maximum);
        break;
    case TY_KIND_BOOLEAN:
        write_type(w, "boolean", is_nullable);
        break;
    case TY_KIND_ENUM:
        write_choices(w, layer->of(), is_nullable);
        break;
    case TY_KIND_RECORD:
        write_properties(w, layer->of(), is_nullable);
        break;
    case TY_KIND_LIST:
        write_type(w, "array", is_nullable);
        ty_write_key(w, "items");
        ty_write_begin(w, '{');
        write_layer(w, field, layer + 1, false);
        ty_write_end(w, '}');
        write_bound(w, "minItems", field->items_min);
        write_bound(w, "maxItems", field->items_max);
        break;
    case TY_KIND_OPTIONAL:
        write_layer(w, field, layer + 1, is_nullable);
        break;
    case TY_KIND_NULLABLE:
        write_layer(w, field, layer + 1, true);
        break;
    case TY_KIND_JSON: /* Everything is allowed. */
    case TY_KIND_NONE:
        break;
    }
}

static void write_text(ty_writer *w, const char *key, const char *text) {
    if (!text) return;
    ty_write_key(w, key);
    ty_write_text(w, text);
}

static void write_field(ty_writer *w, const ty_field *field) {
    ty_write_key(w, ty_field_key(field));
    ty_write_begin(w, '{');
    write_text(w, "title", field->title);
    write_text(w, "description", field->description && *field->description ? field->description : NULL);
    if (field->fallback) {
        ty_write_key(w, "default");
        ty_write_json(w, field->fallback);
    }
    write_text(w, "x-mcp-header", field->header);
    write_layer(w, field, field->layers, false);
    if (field->schema) ty_write_json(w, field->schema);
    ty_write_end(w, '}');
}

/* `properties` and what follows, within an object that is open. */
static void write_record(ty_writer *w, const ty_type *type, bool is_closed) {
    ty_write_key(w, "properties");
    ty_write_begin(w, '{');
    bool some_required = false;
    for (const ty_field *field = type->fields; field->name; field++) {
        write_field(w, field);
        some_required = some_required || ty_is_required(field);
    }
    ty_write_end(w, '}');
    if (some_required) {
        ty_write_key(w, "required");
        ty_write_begin(w, '[');
        for (const ty_field *field = type->fields; field->name; field++) {
            if (ty_is_required(field)) ty_write_text(w, ty_field_key(field));
        }
        ty_write_end(w, ']');
    }
    if (is_closed) {
        ty_write_key(w, "additionalProperties");
        ty_write_boolean(w, false);
    }
}

const char *ty_schema(ty_call *call, ty_type_of type, bool is_closed) {
    ty_writer w = ty_json_writer(call);
    ty_write_begin(&w, '{');
    ty_write_key(&w, "type");
    ty_write_text(&w, "object");
    write_record(&w, type(), is_closed);
    ty_write_end(&w, '}');
    return ty_written(&w);
}
