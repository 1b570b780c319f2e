/* The tools of {{name}}. Each TY_TOOL is one: its name, its arguments, the description that models read, and what it does. */
#include "toolyard.h"

#define GREET_ARGS(FIELD)                                    \
    FIELD(STRING, name, "Whom to greet.", TY_LENGTH_MIN(1))  \
    FIELD(INTEGER, times, "How many times.", TY_RANGE(1, 10), TY_DEFAULT(1))

TY_TOOL(greet, GREET_ARGS, "Greets somebody.", .hints = TY_READ_ONLY | TY_IDEMPOTENT | TY_CLOSED_WORLD) {
    ty_log(call, TY_INFO, "greeting %s", args->name);
    const char *said = ty_format(call, "Hello, %s!", args->name);
    for (int64_t i = 1; i < args->times; i++) said = ty_format(call, "%s Hello, %s!", said, args->name);
    return ty_text(call, "%s", said);
}

/* What the host sees. */
TY_PLUGIN {
    .tools = TY_TOOLS(&greet_tool),
};
