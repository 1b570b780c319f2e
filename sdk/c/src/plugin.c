/* From the host's doors to the plugin's functions. */
#include <string.h>

#include "internal.h"

/* What came of a run, held against what the contract allows. */
static ty_status finish(ty_call *call, ty_status status) {
    if (status == TY_ERROR && !call->own->error.kind) {
        return ty_internal(call, "The plugin failed without saying why.");
    }
    if (status != TY_ASKING) return status;
    size_t length = ty_state(call).length;
    if (call->own->questions.count == 0) return ty_internal(call, "The plugin asks for something without saying what.");
    if (length > TY_STATE_BYTES_MAX) {
        return ty_internal(call, "The answers so far and what is to be remembered take %zu bytes, and %d can be kept.", length,
                           (int)TY_STATE_BYTES_MAX);
    }
    return status;
}

ty_status ty_run_tool(ty_call *call, const char *name, ty_bytes arguments) {
    call->name = name;
    for (const ty_tool *const *tool = ty_the_plugin.tools; tool && *tool; tool++) {
        if (strcmp((*tool)->name, name) != 0) continue;
        void *args = ty_alloc(call, (*tool)->input()->size);
        TY_TRY(ty_decode_text(call, (*tool)->input, arguments, args));
        return finish(call, (*tool)->run(call, args));
    }
    return ty_internal(call, "The plugin has no tool `%s`.", name);
}

/* Arguments of prompts are texts. What is no text in the plugin is read as JSON. */
static const char *prompt_arguments(ty_call *call, ty_type_of type, ty_pairs arguments) {
    ty_writer w = ty_json_writer(call);
    ty_write_begin(&w, '{');
    for (const ty_field *field = type()->fields; field->name; field++) {
        const char *value = ty_find_pair(arguments, ty_field_key(field));
        if (!value) continue;
        ty_kind kind = field->layers[field->layers[0].kind == TY_KIND_OPTIONAL].kind;
        ty_write_key(&w, ty_field_key(field));
        const ty_json *json;
        bool is_text = kind == TY_KIND_STRING || kind == TY_KIND_ENUM;
        if (is_text || ty_json_read(call, ty_bytes_of(value), &json) != TY_OK) ty_write_text(&w, value);
        else ty_write_value(&w, json);
    }
    ty_write_end(&w, '}');
    return ty_written(&w);
}

ty_status ty_run_prompt(ty_call *call, const char *name, ty_pairs arguments) {
    call->name = name;
    for (const ty_prompt *const *prompt = ty_the_plugin.prompts; prompt && *prompt; prompt++) {
        if (strcmp((*prompt)->name, name) != 0) continue;
        void *args = ty_alloc(call, (*prompt)->input()->size);
        const char *json = prompt_arguments(call, (*prompt)->input, arguments);
        if (ty_decode_text(call, (*prompt)->input, ty_bytes_of(json), args) != TY_OK) {
            return ty_invalid_arguments(call, "The arguments do not fit: %s.", ty_why(call));
        }
        return finish(call, (*prompt)->run(call, args));
    }
    return ty_internal(call, "The plugin has no prompt `%s`.", name);
}

ty_status ty_run_read(ty_call *call, const char *uri) {
    call->name = uri;
    for (const ty_resource *const *resource = ty_the_plugin.resources; resource && *resource; resource++) {
        call->own->variables.count = 0;
        if (!ty_fit_template(call, (*resource)->uri, uri, &call->own->variables)) continue;
        call->own->mime_type = (*resource)->mime_type;
        ty_status status = finish(call, (*resource)->run(call));
        if (status == TY_OK && call->own->contents.count == 0) return TY_NOT_FOUND;
        if (status != TY_NOT_FOUND) return status;
    }
    return TY_NOT_FOUND;
}

ty_status ty_run_list(ty_call *call, const char *cursor) {
    call->name = "resources";
    call->own->cursor = cursor;
    const ty_resource *const *resource = cursor ? NULL : ty_the_plugin.resources;
    for (; resource && *resource; resource++) {
        const ty_resource *r = *resource;
        if (ty_is_template(r->uri)) continue;
        TY_ENTRY(call, .uri = r->uri, .name = r->name, .title = r->title, .description = r->description,
                 .mime_type = r->mime_type, .size = r->size, .icons = r->icons, .annotations = r->annotations,
                 .meta = r->meta);
    }
    ty_status status = ty_the_plugin.list ? finish(call, ty_the_plugin.list(call)) : TY_OK;
    /* A list has no way to ask. */
    return status == TY_ASKING ? ty_internal(call, "A list cannot ask for anything.") : status;
}

ty_status ty_run_completion(ty_call *call, bool of_prompt, const char *name, const char *argument, const char *value,
                            ty_pairs known) {
    call->name = name;
    call->own->known = known;
    for (const ty_completion *const *one = ty_the_plugin.completions; one && *one; one++) {
        const char *of = of_prompt ? (*one)->prompt : (*one)->uri_template;
        if (!of || strcmp(of, name) != 0 || strcmp((*one)->argument, argument) != 0) continue;
        ty_status status = finish(call, (*one)->run(call, value));
        return status == TY_ASKING ? ty_internal(call, "A suggestion cannot ask for anything.") : status;
    }
    return TY_OK;
}

/* What the resources' URIs begin with, but for those that another one covers. */
ty_texts ty_prefixes(ty_call *call) {
    if (ty_the_plugin.prefixes.count || !ty_the_plugin.resources) return ty_the_plugin.prefixes;
    ty_list all = { 0 };
    for (const ty_resource *const *resource = ty_the_plugin.resources; *resource; resource++) {
        *(const char **)ty_push(call, &all, sizeof(char *)) = ty_template_beginning(call, (*resource)->uri);
    }
    const char **texts = all.items;
    ty_sort(texts, all.count);
    size_t count = 0;
    for (size_t i = 0; i < all.count; i++) {
        if (count == 0 || !ty_begins(texts[i], texts[count - 1])) texts[count++] = texts[i];
    }
    return (ty_texts){ texts, count };
}
