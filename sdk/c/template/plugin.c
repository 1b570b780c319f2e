/* The tools of {{name}}. Each TY_TOOL is one: its name, its arguments, the description that models read, and what it does. */
#include "toolyard.h"

#define GREET_ARGS(FIELD) FIELD(STRING, name, "Whom to greet.", TY_LENGTH_MIN(1))

TY_TOOL(greet, GREET_ARGS, "Greets somebody.", .hints = TY_READ_ONLY | TY_CLOSED_WORLD) {
    return ty_text(call, "Hello, %s!", args->name);
}

/* What the host sees. */
TY_PLUGIN {
    .tools = TY_TOOLS(&greet_tool),
};
