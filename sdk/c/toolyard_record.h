/* Records: a struct that is described once, and from which come its C type, its JSON Schema, its reader and its writer.
 *
 *     #define DAY(FIELD)                                  \
 *         FIELD(STRING, date, "The date, as YYYY-MM-DD.") \
 *         FIELD(INTEGER, high, "The highest temperature.")
 *     TY_RECORD(day, DAY)
 *
 * | kind           | in C                             | in JSON                                        |
 * | STRING         | const char *                     | text (one that holds U+0000 is refused)        |
 * | INTEGER        | int64_t                          | a whole number                                 |
 * | NUMBER         | double                           | a number                                       |
 * | BOOLEAN        | bool                             | true or false                                  |
 * | JSON           | const ty_json *                  | anything                                       |
 * | ENUM(name)     | name, of TY_ENUM(name, ...)      | one of its texts                               |
 * | RECORD(name)   | name, of TY_RECORD(name, ...)    | an object                                      |
 * | LIST(kind)     | struct { items; count; }         | an array; may hold anything but another LIST   |
 * | OPTIONAL(kind) | struct { bool is_set; value; }   | may be left out                                |
 * | NULLABLE(kind) | the same                         | is null where it is not set                    |
 *
 * After the description come options: TY_RANGE(1, 7), TY_MIN(0), TY_MAX(9), TY_LENGTH(1, 50), TY_LENGTH_MIN(1), TY_ITEMS(1, 14),
 * TY_DEFAULT(3), .title, .key (where the name in JSON is none in C), .header (`Mcp-Param-...`), .schema (more members of the
 * schema, as JSON: `"\"pattern\":\"^a\""`). For a LIST, ranges and lengths are those of each item.
 */
#ifndef TOOLYARD_RECORD_H
#define TOOLYARD_RECORD_H

typedef enum ty_kind {
    TY_KIND_NONE,
    TY_KIND_STRING,
    TY_KIND_INTEGER,
    TY_KIND_NUMBER,
    TY_KIND_BOOLEAN,
    TY_KIND_JSON,
    TY_KIND_ENUM,
    TY_KIND_RECORD,
    TY_KIND_LIST,
    TY_KIND_OPTIONAL,
    TY_KIND_NULLABLE,
} ty_kind;

typedef struct ty_type ty_type;
/* Types refer to each other by functions, since only these are known before anything runs. */
typedef const ty_type *(*ty_type_of)(void);

/* One layer of a field's type; LIST(OPTIONAL(NUMBER)) has three. */
typedef struct ty_layer {
    ty_kind kind;
    size_t size;
    size_t align;
    ty_type_of of;
} ty_layer;

enum { TY_LAYERS_MAX = 4 };

typedef struct ty_bound {
    bool is_set;
    double value;
} ty_bound;

typedef struct ty_field {
    const char *name;
    ty_layer layers[TY_LAYERS_MAX];
    size_t offset;
    const char *description;
    const char *title;
    const char *key;
    const char *fallback; /* JSON */
    const char *header;
    const char *schema;
    ty_bound minimum, maximum;
    ty_bound length_min, length_max;
    ty_bound items_min, items_max;
} ty_field;

/* A record or an enum. */
struct ty_type {
    const char *name;
    size_t size;
    const ty_field *fields;     /* Of a record; ends with one without a name. */
    const char *const *choices; /* Of an enum; ends with NULL. */
};

#define TY_MIN(least) .minimum = { true, (least) }
#define TY_MAX(most) .maximum = { true, (most) }
#define TY_RANGE(least, most) TY_MIN(least), TY_MAX(most)
#define TY_LENGTH_MIN(least) .length_min = { true, (least) }
#define TY_LENGTH_MAX(most) .length_max = { true, (most) }
#define TY_LENGTH(least, most) TY_LENGTH_MIN(least), TY_LENGTH_MAX(most)
#define TY_ITEMS_MIN(least) .items_min = { true, (least) }
#define TY_ITEMS_MAX(most) .items_max = { true, (most) }
#define TY_ITEMS(least, most) TY_ITEMS_MIN(least), TY_ITEMS_MAX(most)
/* As in JSON: TY_DEFAULT(3), TY_DEFAULT("celsius"), TY_DEFAULT([1, 2]). */
#define TY_DEFAULT(...) .fallback = #__VA_ARGS__

/* From a kind to its C type. */
#define TY_C_STRING const char *
#define TY_C_INTEGER int64_t
#define TY_C_NUMBER double
#define TY_C_BOOLEAN bool
#define TY_C_JSON const ty_json *
#define TY_C_ENUM(name) name
#define TY_C_RECORD(name) name
#define TY_C_LIST(kind) struct { TY_C_##kind const *items; size_t count; }
#define TY_C_OPTIONAL(kind) struct { bool is_set; TY_C_##kind value; }
#define TY_C_NULLABLE(kind) struct { bool is_set; TY_C_##kind value; }

/* From a kind to its layers. */
#define TY_PLAIN_(kind) { TY_KIND_##kind, sizeof(TY_C_##kind), _Alignof(TY_C_##kind), NULL }
#define TY_NAMED_(kind, name) { TY_KIND_##kind, sizeof(name), _Alignof(name), name##_type }
#define TY_L_STRING TY_PLAIN_(STRING)
#define TY_L_INTEGER TY_PLAIN_(INTEGER)
#define TY_L_NUMBER TY_PLAIN_(NUMBER)
#define TY_L_BOOLEAN TY_PLAIN_(BOOLEAN)
#define TY_L_JSON TY_PLAIN_(JSON)
#define TY_L_ENUM(name) TY_NAMED_(ENUM, name)
#define TY_L_RECORD(name) TY_NAMED_(RECORD, name)
#define TY_L_LIST(kind) { TY_KIND_LIST, sizeof(TY_C_LIST(kind)), _Alignof(size_t), NULL }, TY_L_##kind
#define TY_L_OPTIONAL(kind) { TY_KIND_OPTIONAL, sizeof(TY_C_OPTIONAL(kind)), 1, NULL }, TY_L_##kind
#define TY_L_NULLABLE(kind) { TY_KIND_NULLABLE, sizeof(TY_C_NULLABLE(kind)), 1, NULL }, TY_L_##kind

#define TY_MEMBER_(kind, member, ...) TY_C_##kind member;
#define TY_FIELD_(kind, member, ...)                                             \
    { .name = #member, .layers = { TY_L_##kind }, .offset = offsetof(ty_here_, member), \
      .description = __VA_ARGS__ },

#define TY_FIELDS_OF_(record, FIELDS)                                            \
    TY_MAYBE_UNUSED_ static const ty_type *record##_type(void) {                 \
        typedef record ty_here_ TY_MAYBE_UNUSED_;                                \
        static const ty_field fields[] = { FIELDS(TY_FIELD_) { .name = NULL } }; \
        static const ty_type type = { #record, sizeof(record), fields, NULL };   \
        return &type;                                                            \
    }

/* Makes the type `record`, and `record_type` which knows its fields. */
#define TY_RECORD(record, FIELDS)             \
    typedef struct record record;             \
    struct record { FIELDS(TY_MEMBER_) };     \
    TY_FIELDS_OF_(record, FIELDS)

#define TY_CONSTANT_(constant, text) constant,
#define TY_CHOICE_TEXT_(constant, text) text,

/* Makes the enum `name`:
 *
 *     #define UNITS(CHOICE) CHOICE(CELSIUS, "celsius") CHOICE(KELVIN, "kelvin")
 *     TY_ENUM(unit, UNITS)
 */
#define TY_ENUM(name, CHOICES)                                                   \
    typedef enum name { CHOICES(TY_CONSTANT_) } name;                            \
    TY_MAYBE_UNUSED_ static const ty_type *name##_type(void) {                   \
        static const char *const choices[] = { CHOICES(TY_CHOICE_TEXT_) NULL };  \
        static const ty_type type = { #name, sizeof(name), NULL, choices };      \
        return &type;                                                            \
    }

/* The text of an enum's constant. */
#define TY_TEXT_OF(name, constant) ty_choice_text(name##_type, (int)(constant))
const char *ty_choice_text(ty_type_of type, int constant);

/* Reads a record: `TY_TRY(ty_decode(call, daily_type, json, &daily))`. Members that the record has not got are passed over. */
TY_CHECKED_ ty_status ty_decode(ty_call *call, ty_type_of type, const ty_json *json, void *value);
/* The same from text. */
TY_CHECKED_ ty_status ty_decode_text(ty_call *call, ty_type_of type, ty_bytes text, void *value);
void ty_encode(ty_writer *writer, ty_type_of type, const void *value);
const char *ty_encode_text(ty_call *call, ty_type_of type, const void *value);
/* The JSON Schema of a record. `is_closed`: other members are refused. */
const char *ty_schema(ty_call *call, ty_type_of type, bool is_closed);

#endif
