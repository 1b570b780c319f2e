/* What a plugin offers: tools, resources, prompts, completions, and the table that the host reads. */
#ifndef TOOLYARD_PLUGIN_H
#define TOOLYARD_PLUGIN_H

/* Hints: what calling a tool may do. What is not said is left open. */
enum {
    TY_READ_ONLY = 1,
    TY_NOT_READ_ONLY = 2,
    TY_DESTRUCTIVE = 4,
    TY_NOT_DESTRUCTIVE = 8,
    TY_IDEMPOTENT = 16,
    TY_NOT_IDEMPOTENT = 32,
    TY_OPEN_WORLD = 64,
    TY_CLOSED_WORLD = 128,
};

typedef ty_status ty_run(ty_call *call, const void *args);

typedef struct ty_tool {
    const char *name;
    const char *description;
    ty_type_of input;
    ty_run *run;
    const char *title;
    unsigned hints;     /* TY_READ_ONLY | TY_IDEMPOTENT ... */
    ty_type_of returns; /* The record it gives back: `.returns = price_type`. */
    const char *returns_schema; /* In place of `returns`: the schema itself. */
    bool long_running;
    const ty_icon *icons;
    const char *meta;
} ty_tool;

/* No arguments. */
#define TY_NO_ARGS(FIELD)

/* An empty struct is none in C. */
#define TY_ARGS_(args_, FIELDS)                                   \
    typedef struct args_ { FIELDS(TY_MEMBER_) char ty_end_; } args_; \
    TY_FIELDS_OF_(args_, FIELDS)

#define TY_TYPED_(name_)                                                                             \
    static ty_status name_##_run(ty_call *call, const name_##_args *args);                           \
    static ty_status name_##_untyped(ty_call *call, const void *args) { return name_##_run(call, args); }

#define TY_TYPED_BODY_(name_) \
    static ty_status name_##_run(TY_MAYBE_UNUSED_ ty_call *call, TY_MAYBE_UNUSED_ const name_##_args *args)

/* TY_TOOL(name, ARGS, "description", options) { body }: makes `name_tool` for the table. The body has `call` and `args`. */
#define TY_TOOL(name_, ARGS, ...)                                                                           \
    TY_ARGS_(name_##_args, ARGS)                                                                            \
    TY_TYPED_(name_)                                                                                        \
    static const ty_tool name_##_tool = {                                                                   \
        .name = #name_, .input = name_##_args_type, .run = name_##_untyped, .description = __VA_ARGS__ };   \
    TY_TYPED_BODY_(name_)

/* Arguments are texts on the wire; fields may be STRING, INTEGER, NUMBER, BOOLEAN or ENUM, OPTIONAL or with a default. */
typedef struct ty_prompt {
    const char *name;
    const char *description;
    ty_type_of input;
    ty_run *run;
    const char *title;
    const ty_icon *icons;
    const char *meta;
} ty_prompt;

/* TY_PROMPT(name, ARGS, "description", options) { body }: makes `name_prompt`. */
#define TY_PROMPT(name_, ARGS, ...)                                                                         \
    TY_ARGS_(name_##_args, ARGS)                                                                            \
    TY_TYPED_(name_)                                                                                        \
    static const ty_prompt name_##_prompt = {                                                               \
        .name = #name_, .input = name_##_args_type, .run = name_##_untyped, .description = __VA_ARGS__ };   \
    TY_TYPED_BODY_(name_)

typedef ty_status ty_simple_run(ty_call *call);

/* At a URI, or at all that fit a template: `{name}` is a part without `/`, `{+name}` all that follows. */
typedef struct ty_resource {
    const char *uri;
    const char *name;
    const char *description;
    ty_simple_run *run;
    const char *title;
    const char *mime_type;
    ty_bound size;
    const ty_icon *icons;
    ty_annotations annotations;
    const char *meta;
} ty_resource;

/* TY_RESOURCE(name, "uri or template", "description", options) { body }: makes `name_resource`. The body returns
 * TY_GIVE(call, .text = ...) or TY_NOT_FOUND. */
#define TY_RESOURCE(name_, uri_, ...)                                                         \
    static ty_status name_##_read(ty_call *call);                                             \
    static const ty_resource name_##_resource = {                                             \
        .name = #name_, .uri = uri_, .run = name_##_read, .description = __VA_ARGS__ };       \
    static ty_status name_##_read(TY_MAYBE_UNUSED_ ty_call *call)

#define TY_GIVE(call, ...) ty_give((call), &(const ty_contents){ __VA_ARGS__ })
ty_status ty_give(ty_call *call, const ty_contents *contents);
/* The value of a template's variable, decoded. NULL if the template has none of that name, or if it is in a query that was left out. */
const char *ty_variable(const ty_call *call, const char *name);

/* TY_RESOURCE_LIST(name) { body }: makes `name_list`, which adds to the fixed resources those that are there now, each with
 * TY_ENTRY. It is asked anew each time. */
#define TY_RESOURCE_LIST(name_)                   \
    static ty_status name_##_list(ty_call *call); \
    static ty_status name_##_list(TY_MAYBE_UNUSED_ ty_call *call)

#define TY_ENTRY(call, ...) ty_entry((call), &(const ty_resource_info){ __VA_ARGS__ })
void ty_entry(ty_call *call, const ty_resource_info *resource);
/* For lists in parts: where this part begins (NULL: at the start), and where the next one does. */
const char *ty_cursor(const ty_call *call);
void ty_next(ty_call *call, const char *cursor);

typedef struct ty_completion {
    const char *prompt;       /* Of a prompt, by its name; or */
    const char *uri_template; /* of a template. */
    const char *argument;
    ty_status (*run)(ty_call *call, const char *value);
} ty_completion;

/* TY_COMPLETE(name, .prompt = "...", .argument = "...") { body }: makes `name_completion`. The body has `value`, what was typed
 * so far, and says ty_suggest for each that begins so, the best first. */
#define TY_COMPLETE(name_, ...)                                                                        \
    static ty_status name_##_complete(ty_call *call, const char *value);                               \
    static const ty_completion name_##_completion = { .run = name_##_complete, __VA_ARGS__ };          \
    static ty_status name_##_complete(TY_MAYBE_UNUSED_ ty_call *call, TY_MAYBE_UNUSED_ const char *value)

void ty_suggest(ty_call *call, const char *value);
/* What else is filled in already; NULL if it is not. */
const char *ty_known(const ty_call *call, const char *argument);
/* There are more than were suggested; `total` of them, or below 0 if nobody knows. */
void ty_more(ty_call *call, int64_t total);

/* The table. All parts may be left out; the order is that in which clients see them. */
typedef struct ty_plugin {
    const ty_tool *const *tools;
    const ty_resource *const *resources;
    ty_simple_run *list;
    const ty_prompt *const *prompts;
    const ty_completion *const *completions;
    ty_texts prefixes; /* The beginnings of URIs it answers for. Left out: what its resources begin with. */
} ty_plugin;

#define TY_TOOLS(...) ((const ty_tool *const[]){ __VA_ARGS__, NULL })
#define TY_RESOURCES(...) ((const ty_resource *const[]){ __VA_ARGS__, NULL })
#define TY_PROMPTS(...) ((const ty_prompt *const[]){ __VA_ARGS__, NULL })
#define TY_COMPLETIONS(...) ((const ty_completion *const[]){ __VA_ARGS__, NULL })

/* Once in each plugin, at the end of its file: TY_PLUGIN { .tools = TY_TOOLS(&greet_tool) }; */
#define TY_PLUGIN const ty_plugin ty_the_plugin =
extern const ty_plugin ty_the_plugin;

#endif
