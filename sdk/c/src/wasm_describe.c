/* The descriptions that the host asks for once, when it loads the component. */
#ifdef __wasm__
#include <string.h>

#include "wasm_content.h"

static guest_option_bool_t hint(unsigned hints, unsigned yes, unsigned no) {
    return (guest_option_bool_t){ (hints & (yes | no)) != 0, (hints & yes) != 0 };
}

static void describe_tool(ty_call *call, const ty_tool *tool, exports_toolyard_plugin_tools_tool_t *wire) {
    wire->name = ty_wire(call, tool->name);
    TY_SET_ABOUT(call, *wire, tool);
    wire->input_schema = ty_wire(call, ty_schema(call, tool->input, true));
    const char *returns = tool->returns ? ty_schema(call, tool->returns, false) : tool->returns_schema;
    TY_SET_OPTION(call, wire->output_schema, returns);
    wire->annotations.is_some = tool->hints != 0;
    wire->annotations.val.read_only = hint(tool->hints, TY_READ_ONLY, TY_NOT_READ_ONLY);
    wire->annotations.val.destructive = hint(tool->hints, TY_DESTRUCTIVE, TY_NOT_DESTRUCTIVE);
    wire->annotations.val.idempotent = hint(tool->hints, TY_IDEMPOTENT, TY_NOT_IDEMPOTENT);
    wire->annotations.val.open_world = hint(tool->hints, TY_OPEN_WORLD, TY_CLOSED_WORLD);
    wire->long_running = tool->long_running;
}

void exports_toolyard_plugin_tools_describe(exports_toolyard_plugin_tools_list_tool_t *ret) {
    ty_call *call = ty_call_begin();
    const ty_tool *const *tools = ty_the_plugin.tools;
    ret->len = 0;
    while (tools && tools[ret->len]) ret->len++;
    ret->ptr = TY_NEW(call, exports_toolyard_plugin_tools_tool_t, ret->len + 1);
    for (size_t i = 0; i < ret->len; i++) describe_tool(call, tools[i], &ret->ptr[i]);
}

static void describe_template(ty_call *call, const ty_resource *resource,
                              exports_toolyard_plugin_resources_resource_template_t *wire) {
    wire->uri_template = ty_wire(call, resource->uri);
    wire->name = ty_wire(call, resource->name);
    TY_SET_ABOUT(call, *wire, resource);
    TY_SET_OPTION(call, wire->mime_type, resource->mime_type);
    wire->annotations.is_some = ty_wire_annotations(call, &resource->annotations, &wire->annotations.val);
}

void exports_toolyard_plugin_resources_describe(exports_toolyard_plugin_resources_resource_description_t *ret) {
    ty_call *call = ty_call_begin();
    const ty_resource *const *resources = ty_the_plugin.resources;
    size_t count = 0;
    while (resources && resources[count]) count++;
    memset(ret, 0, sizeof *ret);
    ret->prefixes = ty_wire_texts(call, ty_prefixes(call));
    ret->templates.ptr = TY_NEW(call, exports_toolyard_plugin_resources_resource_template_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (ty_is_template(resources[i]->uri)) describe_template(call, resources[i], &ret->templates.ptr[ret->templates.len++]);
    }
}

static void describe_prompt(ty_call *call, const ty_prompt *prompt, exports_toolyard_plugin_prompts_prompt_t *wire) {
    const ty_field *fields = prompt->input()->fields;
    size_t count = 0;
    while (fields[count].name) count++;
    wire->name = ty_wire(call, prompt->name);
    TY_SET_ABOUT(call, *wire, prompt);
    wire->arguments.ptr = TY_NEW(call, exports_toolyard_plugin_prompts_prompt_argument_t, count + 1);
    wire->arguments.len = count;
    for (size_t i = 0; i < count; i++) {
        exports_toolyard_plugin_prompts_prompt_argument_t *argument = &wire->arguments.ptr[i];
        argument->name = ty_wire(call, ty_field_key(&fields[i]));
        TY_SET_OPTION(call, argument->title, fields[i].title);
        const char *description = fields[i].description;
        TY_SET_OPTION(call, argument->description, description && *description ? description : NULL);
        argument->required = ty_is_required(&fields[i]);
    }
}

void exports_toolyard_plugin_prompts_describe(exports_toolyard_plugin_prompts_list_prompt_t *ret) {
    ty_call *call = ty_call_begin();
    const ty_prompt *const *prompts = ty_the_plugin.prompts;
    ret->len = 0;
    while (prompts && prompts[ret->len]) ret->len++;
    ret->ptr = TY_NEW(call, exports_toolyard_plugin_prompts_prompt_t, ret->len + 1);
    for (size_t i = 0; i < ret->len; i++) describe_prompt(call, prompts[i], &ret->ptr[i]);
}
#endif
