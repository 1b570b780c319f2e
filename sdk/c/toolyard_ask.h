/* Asking in the middle of a call.
 *
 * A plugin cannot wait for a person: the question ends the call, and the function is run again, from its start, when the answer
 * is there, maybe on another machine. So these return TY_ASKING until then, which TY_TRY passes on, and TY_OK afterwards. What
 * has an effect belongs behind the last question. `key` is the question's name within the call. Several that are asked before
 * the first TY_TRY go out together. Check `call->context->client_can` where there is another way; a client that
 * cannot be asked ends the call with an error that says so.
 */
#ifndef TOOLYARD_ASK_H
#define TOOLYARD_ASK_H

/* What the user made of a question. */
typedef enum ty_action { TY_ACCEPTED, TY_DECLINED, TY_CANCELLED } ty_action;

/* A form with the fields of a record: texts, numbers, booleans and enums, OPTIONAL or not. `answer` is filled in where it was
 * accepted, and all zero otherwise. */
TY_CHECKED_ ty_status ty_ask_form(ty_call *call, const char *key, ty_type_of form, void *answer, ty_action *action,
                                  const char *format, ...) TY_PRINTF_(6, 7);
/* The same with a schema that is known only now; the answer's `content` comes as JSON, NULL unless it was accepted. */
TY_CHECKED_ ty_status ty_ask_form_json(ty_call *call, const char *key, const char *schema, const ty_json **answer,
                                       ty_action *action, const char *format, ...) TY_PRINTF_(6, 7);
/* A yes or no. */
TY_CHECKED_ ty_status ty_ask_yes(ty_call *call, const char *key, bool *yes, const char *format, ...) TY_PRINTF_(4, 5);
/* A page to be opened: the place for what is secret. */
TY_CHECKED_ ty_status ty_ask_url(ty_call *call, const char *key, const char *url, ty_action *action, const char *format, ...)
    TY_PRINTF_(5, 6);

/* What the client's model said. */
typedef struct ty_sampled {
    const char *text; /* Its texts, one below the other. */
    const char *model;
    const char *stop_reason; /* NULL where it was not said. */
    const ty_json *result;   /* All of it: a `CreateMessageResult`. */
} ty_sampled;

/* The client's model: one question. */
TY_CHECKED_ ty_status ty_ask_model(ty_call *call, const char *key, int tokens_max, ty_sampled *answer, const char *format, ...)
    TY_PRINTF_(5, 6);
/* The same with all that `sampling/createMessage` knows: its params, a JSON object. */
TY_CHECKED_ ty_status ty_ask_model_json(ty_call *call, const char *key, const char *params, ty_sampled *answer);

typedef struct ty_root {
    const char *uri;
    const char *name; /* NULL where it has none. */
} ty_root;

typedef struct ty_roots {
    const ty_root *items;
    size_t count;
} ty_roots;

/* The folders the client works in. */
TY_CHECKED_ ty_status ty_ask_roots(ty_call *call, const char *key, ty_roots *roots);

/* TY_OK if the client can be asked all of this (TY_CAN_...); otherwise the call ends and the client is told what it lacks. */
TY_CHECKED_ ty_status ty_require(ty_call *call, unsigned client_can);

/* Keeps a text for the later rounds of this call, such as what was costly to find. 16 KiB in all, with the answers. */
void ty_remember(ty_call *call, const char *key, const char *text);
/* What was kept under this key; NULL if nothing was. */
const char *ty_recall(ty_call *call, const char *key);

#endif
