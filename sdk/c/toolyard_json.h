/* JSON: a strict reader, and a writer.
 *
 * The reader refuses what has two readings: a key twice in an object, text that is not UTF-8, halves of surrogate pairs,
 * numbers that a double cannot hold, nesting deeper than 100, anything after the value. All functions take NULL for "is not
 * there", so paths can be followed without looking: `ty_json_text(ty_json_at(ty_json_get(json, "results"), 0))`.
 */
#ifndef TOOLYARD_JSON_H
#define TOOLYARD_JSON_H

typedef enum ty_json_kind {
    TY_JSON_NULL,
    TY_JSON_BOOLEAN,
    TY_JSON_NUMBER,
    TY_JSON_TEXT,
    TY_JSON_ARRAY,
    TY_JSON_OBJECT,
} ty_json_kind;

typedef struct ty_json ty_json;

struct ty_json {
    ty_json_kind kind;
    bool is_integer;      /* Of a number: written without fraction and exponent, and fits into `integer`. */
    bool boolean;
    double number;
    int64_t integer;
    ty_bytes text;        /* Decoded, in UTF-8. It may hold NULs. */
    const ty_json *items; /* Of an array or object: `count` values. */
    const ty_bytes *keys; /* Of an object. */
    size_t count;
};

/* Reads a JSON text. On TY_ERROR the call remembers what is wrong with it. */
TY_CHECKED_ ty_status ty_json_read(ty_call *call, ty_bytes text, const ty_json **json);

const ty_json *ty_json_get(const ty_json *object, const char *key);
const ty_json *ty_json_at(const ty_json *array, size_t index);
/* NULL unless it is text, and has no NUL in it. */
const char *ty_json_text(const ty_json *json);
/* Whether it is that; the value goes to `value`. */
bool ty_json_integer(const ty_json *json, int64_t *value);
bool ty_json_number(const ty_json *json, double *value);
bool ty_json_boolean(const ty_json *json, bool *value);

/* A JSON text that grows. Commas are the writer's; keys and values are the caller's, in turn. */
typedef struct ty_writer {
    ty_call *call;
    char *data;
    size_t length;
    size_t room;
    bool needs_comma;
} ty_writer;

ty_writer ty_json_writer(ty_call *call);
void ty_write_begin(ty_writer *writer, char bracket); /* `{` or `[` */
void ty_write_end(ty_writer *writer, char bracket);   /* `}` or `]` */
void ty_write_key(ty_writer *writer, const char *key);
void ty_write_text(ty_writer *writer, const char *text);
/* Bytes that are not UTF-8 become U+FFFD. */
void ty_write_bytes(ty_writer *writer, ty_bytes text);
void ty_write_integer(ty_writer *writer, int64_t value);
/* The shortest digits that read back as the same number. What JSON cannot say (NaN, infinity) becomes null. */
void ty_write_number(ty_writer *writer, double value);
void ty_write_boolean(ty_writer *writer, bool value);
void ty_write_null(ty_writer *writer);
/* JSON text as it stands. */
void ty_write_json(ty_writer *writer, const char *json);
void ty_write_value(ty_writer *writer, const ty_json *json);
/* What was written so far. */
const char *ty_written(ty_writer *writer);

/* A number in its shortest decimal form, such as `52.52`. */
const char *ty_number_text(ty_call *call, double value);

#endif
