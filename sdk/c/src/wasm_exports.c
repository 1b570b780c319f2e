/* The component's exports: each begins a call, runs it, and hands over what came of it. */
#ifdef __wasm__
#include <string.h>

#include "wasm_content.h"

typedef toolyard_plugin_types_call_context_t wire_context;
typedef toolyard_plugin_types_resumption_t wire_resumption;
typedef toolyard_plugin_types_input_need_t wire_need;
typedef toolyard_plugin_types_error_t wire_error;

static ty_call *begin(const wire_context *wire, const wire_resumption *resume) {
    ty_call *call = ty_call_begin();
    ty_context *context = TY_NEW(call, ty_context, 1);
    *context = (ty_context){
        .tenant = ty_from_wire(call, wire->tenant),
        .subject = ty_from_wire(call, wire->subject),
        .scopes = ty_texts_from_wire(call, wire->scopes),
        .client_name = ty_from_option(call, wire->client.name),
        .client_version = ty_from_option(call, wire->client.version),
        .client_can = wire->client.capabilities,
        .deadline_ms = wire->deadline_ms,
        .attempt = wire->attempt,
        .idempotency_key = ty_from_wire(call, wire->idempotency_key),
        .wants_progress = wire->wants_progress,
        .meta = wire->meta.is_some ? ty_from_wire(call, wire->meta.val) : NULL,
    };
    if (wire->trace.is_some) {
        context->traceparent = ty_from_wire(call, wire->trace.val.traceparent);
        context->tracestate = ty_from_option(call, wire->trace.val.tracestate);
        context->baggage = ty_from_option(call, wire->trace.val.baggage);
    }
    call->context = context;
    if (resume) {
        ty_pair *answers = TY_NEW(call, ty_pair, resume->responses.len + 1);
        for (size_t i = 0; i < resume->responses.len; i++) {
            answers[i].key = ty_from_wire(call, resume->responses.ptr[i].f0);
            answers[i].value = ty_from_wire(call, resume->responses.ptr[i].f1);
        }
        ty_resume(call, (ty_pairs){ answers, resume->responses.len },
                  (ty_bytes){ (const char *)resume->state.ptr, resume->state.len });
    }
    return call;
}

static void set_error(ty_call *call, wire_error *error) {
    const ty_error *said = &call->own->error;
    guest_string_t message = ty_wire(call, said->message);
    memset(error, 0, sizeof *error);
    switch (said->kind) {
    case TY_INVALID_ARGUMENTS:
        error->tag = TOOLYARD_PLUGIN_TYPES_ERROR_INVALID_ARGUMENTS;
        break;
    case TY_DENIED:
        error->tag = TOOLYARD_PLUGIN_TYPES_ERROR_DENIED;
        break;
    case TY_RETRYABLE:
        error->tag = TOOLYARD_PLUGIN_TYPES_ERROR_RETRYABLE;
        error->val.retryable.message = message;
        error->val.retryable.after_ms = (guest_option_u64_t){ said->after_ms >= 0, (uint64_t)said->after_ms };
        return;
    case TY_FAILED:
        error->tag = TOOLYARD_PLUGIN_TYPES_ERROR_FAILED;
        break;
    case TY_INTERNAL:
        error->tag = TOOLYARD_PLUGIN_TYPES_ERROR_INTERNAL;
        break;
    }
    /* The four that are only a message have it in the same place. */
    error->val.failed = message;
}

static void set_need(ty_call *call, wire_need *need) {
    const ty_list *questions = &call->own->questions;
    memset(need, 0, sizeof *need);
    need->state = ty_wire_data(ty_state(call));
    need->requests.len = questions->count;
    need->requests.ptr = TY_NEW(call, toolyard_plugin_types_tuple2_string_input_request_t, questions->count);
    for (size_t i = 0; i < questions->count; i++) {
        const ty_question *question = (const ty_question *)questions->items + i;
        toolyard_plugin_types_input_request_t *request = &need->requests.ptr[i].f1;
        need->requests.ptr[i].f0 = ty_wire(call, question->key);
        switch (question->kind) {
        case TY_QUESTION_FORM:
            request->tag = TOOLYARD_PLUGIN_TYPES_INPUT_REQUEST_FORM;
            request->val.form.message = ty_wire(call, question->message);
            request->val.form.schema = ty_wire(call, question->body);
            break;
        case TY_QUESTION_URL:
            request->tag = TOOLYARD_PLUGIN_TYPES_INPUT_REQUEST_URL;
            request->val.url.message = ty_wire(call, question->message);
            request->val.url.url = ty_wire(call, question->body);
            break;
        case TY_QUESTION_SAMPLING:
            request->tag = TOOLYARD_PLUGIN_TYPES_INPUT_REQUEST_SAMPLING;
            request->val.sampling = ty_wire(call, question->body);
            break;
        case TY_QUESTION_ROOTS:
            request->tag = TOOLYARD_PLUGIN_TYPES_INPUT_REQUEST_ROOTS;
            break;
        }
    }
}

/* Only resources have a "not found"; elsewhere it is a mistake of the plugin. */
static ty_status without_not_found(ty_call *call, ty_status status) {
    return status == TY_NOT_FOUND ? ty_internal(call, "TY_NOT_FOUND is for resources.") : status;
}

bool exports_toolyard_plugin_tools_call(guest_string_t *name, guest_string_t *arguments, wire_context *context,
                                        wire_resumption *resume, exports_toolyard_plugin_tools_outcome_t *ret,
                                        wire_error *err) {
    ty_call *call = begin(context, resume);
    ty_bytes args = { (const char *)arguments->ptr, arguments->len };
    ty_status status = without_not_found(call, ty_run_tool(call, ty_from_wire(call, *name), args));
    if (status == TY_ERROR) {
        set_error(call, err);
        return false;
    }
    memset(ret, 0, sizeof *ret);
    if (status == TY_ASKING) {
        ret->tag = EXPORTS_TOOLYARD_PLUGIN_TOOLS_OUTCOME_NEED_INPUT;
        set_need(call, &ret->val.need_input);
        return true;
    }
    exports_toolyard_plugin_tools_tool_result_t *result = &ret->val.complete;
    const ty_list *pieces = &call->own->pieces;
    result->content.len = pieces->count;
    result->content.ptr = TY_NEW(call, toolyard_plugin_types_content_t, pieces->count + 1);
    for (size_t i = 0; i < pieces->count; i++) result->content.ptr[i] = ty_wire_piece(call, (const ty_piece *)pieces->items + i);
    TY_SET_OPTION(call, result->structured, call->own->structured);
    TY_SET_OPTION(call, result->meta, call->own->meta);
    result->is_error = call->own->is_error;
    return true;
}

bool exports_toolyard_plugin_resources_list(guest_string_t *maybe_cursor, wire_context *context,
                                            exports_toolyard_plugin_resources_resource_page_t *ret, wire_error *err) {
    ty_call *call = begin(context, NULL);
    const char *cursor = maybe_cursor ? ty_from_wire(call, *maybe_cursor) : NULL;
    if (without_not_found(call, ty_run_list(call, cursor)) != TY_OK) {
        set_error(call, err);
        return false;
    }
    const ty_list *entries = &call->own->entries;
    memset(ret, 0, sizeof *ret);
    ret->resources.len = entries->count;
    ret->resources.ptr = TY_NEW(call, exports_toolyard_plugin_resources_resource_t, entries->count + 1);
    for (size_t i = 0; i < entries->count; i++) {
        TY_SET_RESOURCE(call, ret->resources.ptr[i], (const ty_resource_info *)entries->items + i);
    }
    TY_SET_OPTION(call, ret->next, call->own->next);
    return true;
}

bool exports_toolyard_plugin_resources_read(guest_string_t *uri, wire_context *context, wire_resumption *resume,
                                            exports_toolyard_plugin_resources_read_outcome_t *ret, wire_error *err) {
    ty_call *call = begin(context, resume);
    ty_status status = ty_run_read(call, ty_from_wire(call, *uri));
    const ty_list *contents = &call->own->contents;
    memset(ret, 0, sizeof *ret);
    switch (status) {
    case TY_ERROR:
        set_error(call, err);
        return false;
    case TY_NOT_FOUND:
        ret->tag = EXPORTS_TOOLYARD_PLUGIN_RESOURCES_READ_OUTCOME_NOT_FOUND;
        return true;
    case TY_ASKING:
        ret->tag = EXPORTS_TOOLYARD_PLUGIN_RESOURCES_READ_OUTCOME_NEED_INPUT;
        set_need(call, &ret->val.need_input);
        return true;
    case TY_OK:
        break;
    }
    ret->tag = EXPORTS_TOOLYARD_PLUGIN_RESOURCES_READ_OUTCOME_COMPLETE;
    ret->val.complete.len = contents->count;
    ret->val.complete.ptr = TY_NEW(call, toolyard_plugin_types_resource_contents_t, contents->count);
    for (size_t i = 0; i < contents->count; i++) {
        ret->val.complete.ptr[i] = ty_wire_contents(call, (const ty_contents *)contents->items + i);
    }
    return true;
}

bool exports_toolyard_plugin_prompts_get(guest_string_t *name, guest_list_tuple2_string_string_t *arguments,
                                         wire_context *context, wire_resumption *resume,
                                         exports_toolyard_plugin_prompts_prompt_outcome_t *ret, wire_error *err) {
    ty_call *call = begin(context, resume);
    ty_pairs given = ty_pairs_from_wire(call, *arguments);
    ty_status status = without_not_found(call, ty_run_prompt(call, ty_from_wire(call, *name), given));
    if (status == TY_ERROR) {
        set_error(call, err);
        return false;
    }
    memset(ret, 0, sizeof *ret);
    if (status == TY_ASKING) {
        ret->tag = EXPORTS_TOOLYARD_PLUGIN_PROMPTS_PROMPT_OUTCOME_NEED_INPUT;
        set_need(call, &ret->val.need_input);
        return true;
    }
    exports_toolyard_plugin_prompts_prompt_result_t *result = &ret->val.complete;
    const ty_list *pieces = &call->own->pieces;
    TY_SET_OPTION(call, result->description, call->own->description);
    TY_SET_OPTION(call, result->meta, call->own->meta);
    result->messages.len = pieces->count;
    result->messages.ptr = TY_NEW(call, exports_toolyard_plugin_prompts_prompt_message_t, pieces->count + 1);
    for (size_t i = 0; i < pieces->count; i++) {
        const ty_piece *piece = (const ty_piece *)pieces->items + i;
        bool is_user = piece->role == TY_USER;
        result->messages.ptr[i].role = is_user ? TOOLYARD_PLUGIN_TYPES_ROLE_USER : TOOLYARD_PLUGIN_TYPES_ROLE_ASSISTANT;
        result->messages.ptr[i].content = ty_wire_piece(call, piece);
    }
    return true;
}

bool exports_toolyard_plugin_completions_complete(exports_toolyard_plugin_completions_reference_t *reference,
                                                  guest_string_t *argument, guest_string_t *value,
                                                  guest_list_tuple2_string_string_t *known, wire_context *context,
                                                  exports_toolyard_plugin_completions_completion_t *ret, wire_error *err) {
    ty_call *call = begin(context, NULL);
    bool of_prompt = reference->tag == EXPORTS_TOOLYARD_PLUGIN_COMPLETIONS_REFERENCE_PROMPT;
    const char *name = ty_from_wire(call, of_prompt ? reference->val.prompt : reference->val.resource_template);
    ty_status status = ty_run_completion(call, of_prompt, name, ty_from_wire(call, *argument), ty_from_wire(call, *value),
                                         ty_pairs_from_wire(call, *known));
    if (without_not_found(call, status) != TY_OK) {
        set_error(call, err);
        return false;
    }
    const ty_list *values = &call->own->suggestions;
    memset(ret, 0, sizeof *ret);
    ret->values = ty_wire_texts(call, (ty_texts){ values->items, values->count });
    ret->has_more = call->own->has_more;
    /* Unless there are more, these are all. */
    int64_t total = call->own->has_more ? call->own->total : (int64_t)values->count;
    ret->total = (guest_option_u32_t){ total >= 0, (uint32_t)total };
    return true;
}
#endif
