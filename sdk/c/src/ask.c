/* Questions, and what goes along from one round to the next. */
#include <string.h>

#include "internal.h"

/* The first byte of a state. Another version of this file may write it in another way; what it kept is then asked for again. */
static const char FORMAT = 1;
enum { LENGTH_BYTES = 4 };

static ty_kept *find_kept(ty_call *call, char kind, const char *key) {
    ty_list *kept = &call->own->kept;
    for (size_t i = 0; i < kept->count; i++) {
        ty_kept *one = (ty_kept *)kept->items + i;
        if (one->kind == kind && strcmp(one->key, key) == 0) return one;
    }
    return NULL;
}

static void keep(ty_call *call, char kind, const char *key, ty_bytes text) {
    ty_kept *one = find_kept(call, kind, key);
    if (!one) one = ty_push(call, &call->own->kept, sizeof *one);
    *one = (ty_kept){ kind, key, text };
}

static void put_bytes(char **at, ty_bytes text) {
    uint32_t length = (uint32_t)text.length;
    memcpy(*at, &length, LENGTH_BYTES);
    if (length) memcpy(*at + LENGTH_BYTES, text.data, length);
    *at += LENGTH_BYTES + text.length;
}

ty_bytes ty_state(ty_call *call) {
    const ty_list *kept = &call->own->kept;
    if (kept->count == 0) return (ty_bytes){ "", 0 };
    size_t size = 1;
    for (size_t i = 0; i < kept->count; i++) {
        const ty_kept *one = (const ty_kept *)kept->items + i;
        size += 1 + 2 * LENGTH_BYTES + strlen(one->key) + one->text.length;
    }
    char *state = ty_alloc(call, size + 1), *at = state;
    *at++ = FORMAT;
    for (size_t i = 0; i < kept->count; i++) {
        const ty_kept *one = (const ty_kept *)kept->items + i;
        *at++ = one->kind;
        put_bytes(&at, ty_bytes_of(one->key));
        put_bytes(&at, one->text);
    }
    return (ty_bytes){ state, size };
}

static bool take_bytes(ty_call *call, ty_bytes *rest, ty_bytes *text) {
    uint32_t length;
    if (rest->length < LENGTH_BYTES) return false;
    memcpy(&length, rest->data, LENGTH_BYTES);
    if (length > rest->length - LENGTH_BYTES) return false;
    *text = ty_copy(call, rest->data + LENGTH_BYTES, length);
    *rest = (ty_bytes){ rest->data + LENGTH_BYTES + length, rest->length - LENGTH_BYTES - length };
    return true;
}

void ty_resume(ty_call *call, ty_pairs answers, ty_bytes state) {
    call->own->answers = answers;
    if (state.length == 0 || state.data[0] != FORMAT) return;
    ty_bytes rest = { state.data + 1, state.length - 1 }, key, text;
    while (rest.length > 0) {
        char kind = *rest.data++;
        rest.length--;
        if ((kind != 'a' && kind != 'm') || !take_bytes(call, &rest, &key) || !take_bytes(call, &rest, &text)) {
            /* What is broken is as good as nothing. */
            call->own->kept.count = 0;
            return;
        }
        keep(call, kind, key.data, text);
    }
}

void ty_remember(ty_call *call, const char *key, const char *text) {
    keep(call, 'm', key, ty_bytes_of(text));
}

const char *ty_recall(ty_call *call, const char *key) {
    ty_kept *one = find_kept(call, 'm', key);
    return one ? one->text.data : NULL;
}

/* Reads an answer into what the question wants; false: it does not fit. */
typedef bool ty_read_answer(ty_call *call, const ty_json *answer, void *wanted);

static bool fits(ty_call *call, ty_bytes text, ty_read_answer *read, void *wanted) {
    const ty_json *answer;
    if (ty_json_read(call, text, &answer) != TY_OK) return false;
    return answer->kind == TY_JSON_OBJECT && read(call, answer, wanted);
}

/* The answer, if it is there already: the one that was used before, or the one that has just come. Otherwise the question
 * joins the round. */
static ty_status ask(ty_call *call, ty_question question, ty_read_answer *read, void *wanted) {
    ty_error before = call->own->error;
    ty_kept *kept = find_kept(call, 'a', question.key);
    if (kept && fits(call, kept->text, read, wanted)) return TY_OK;
    const char *answer = ty_find_pair(call->own->answers, question.key);
    if (answer && fits(call, ty_bytes_of(answer), read, wanted)) {
        keep(call, 'a', question.key, ty_bytes_of(answer));
        return TY_OK;
    }
    if (answer) ty_log(call, TY_WARN, "the answer to `%s` does not fit and is asked for again: %s", question.key, ty_why(call));
    call->own->error = before;
    *(ty_question *)ty_push(call, &call->own->questions, sizeof question) = question;
    return TY_ASKING;
}

static bool read_action(const ty_json *answer, ty_action *action) {
    static const char *const names[] = { [TY_ACCEPTED] = "accept", [TY_DECLINED] = "decline", [TY_CANCELLED] = "cancel" };
    const char *name = ty_json_text(ty_json_get(answer, "action"));
    for (int i = 0; name && i < 3; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *action = (ty_action)i;
        return true;
    }
    return false;
}

typedef struct form_answer {
    ty_type_of form; /* NULL: the answer is wanted as JSON. */
    void *answer;
    ty_action *action;
} form_answer;

static bool read_form(ty_call *call, const ty_json *answer, void *wanted) {
    /* A client may leave an empty form's content out. */
    static const ty_json empty = { .kind = TY_JSON_OBJECT };
    const form_answer *form = wanted;
    if (!read_action(answer, form->action)) return false;
    const ty_json *content = ty_json_get(answer, "content");
    if (!content) content = &empty;
    if (*form->action != TY_ACCEPTED || !form->answer) return true;
    if (form->form) return ty_decode(call, form->form, content, form->answer) == TY_OK;
    *(const ty_json **)form->answer = content;
    return content->kind == TY_JSON_OBJECT;
}


/* The message of a question, from the arguments behind `format`. */
#define MESSAGE(message)                                            \
    va_list list;                                                   \
    va_start(list, format);                                         \
    const char *message = ty_format_list(call, format, list);       \
    va_end(list)

ty_status ty_ask_form(ty_call *call, const char *key, ty_type_of form, void *answer, ty_action *action, const char *format, ...) {
    MESSAGE(message);
    memset(answer, 0, form()->size);
    ty_question question = { key, TY_QUESTION_FORM, message, ty_schema(call, form, false) };
    return ask(call, question, read_form, &(form_answer){ form, answer, action });
}

ty_status ty_ask_form_json(ty_call *call, const char *key, const char *schema, const ty_json **answer, ty_action *action,
                           const char *format, ...) {
    MESSAGE(message);
    *answer = NULL;
    ty_question question = { key, TY_QUESTION_FORM, message, schema };
    return ask(call, question, read_form, &(form_answer){ NULL, answer, action });
}

static const char NO_FIELDS[] = "{\"type\":\"object\",\"properties\":{}}";

ty_status ty_ask_yes(ty_call *call, const char *key, bool *yes, const char *format, ...) {
    MESSAGE(message);
    ty_action action = TY_CANCELLED;
    ty_question question = { key, TY_QUESTION_FORM, message, NO_FIELDS };
    ty_status status = ask(call, question, read_form, &(form_answer){ NULL, NULL, &action });
    *yes = status == TY_OK && action == TY_ACCEPTED;
    return status;
}

ty_status ty_ask_url(ty_call *call, const char *key, const char *url, ty_action *action, const char *format, ...) {
    MESSAGE(message);
    ty_question question = { key, TY_QUESTION_URL, message, url };
    return ask(call, question, read_form, &(form_answer){ NULL, NULL, action });
}

/* The texts of a message's content, which is one piece or several. */
static const char *join_texts(ty_call *call, const ty_json *content) {
    if (content && content->kind != TY_JSON_ARRAY) {
        const char *text = ty_json_text(ty_json_get(content, "text"));
        return text ? text : "";
    }
    const char *all = "";
    for (size_t i = 0; content && i < content->count; i++) {
        const char *text = ty_json_text(ty_json_get(&content->items[i], "text"));
        if (text) all = *all ? ty_format(call, "%s\n%s", all, text) : text;
    }
    return all;
}

static bool read_sampled(ty_call *call, const ty_json *answer, void *wanted) {
    ty_sampled *sampled = wanted;
    const ty_json *content = ty_json_get(answer, "content");
    const char *role = ty_json_text(ty_json_get(answer, "role"));
    const char *model = ty_json_text(ty_json_get(answer, "model"));
    bool is_content = content && (content->kind == TY_JSON_OBJECT || content->kind == TY_JSON_ARRAY);
    if (!is_content || !role || !model) return false;
    *sampled = (ty_sampled){
        .text = join_texts(call, content),
        .model = model,
        .stop_reason = ty_json_text(ty_json_get(answer, "stopReason")),
        .result = answer,
    };
    return true;
}

ty_status ty_ask_model_json(ty_call *call, const char *key, const char *params, ty_sampled *answer) {
    ty_question question = { key, TY_QUESTION_SAMPLING, NULL, params };
    memset(answer, 0, sizeof *answer);
    return ask(call, question, read_sampled, answer);
}

ty_status ty_ask_model(ty_call *call, const char *key, int tokens_max, ty_sampled *answer, const char *format, ...) {
    MESSAGE(message);
    ty_writer w = ty_json_writer(call);
    ty_write_text(&w, message);
    const char *params = ty_format(
        call, "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":%s}}],\"maxTokens\":%d}",
        ty_written(&w), tokens_max);
    return ty_ask_model_json(call, key, params, answer);
}

static bool read_roots(ty_call *call, const ty_json *answer, void *wanted) {
    const ty_json *list = ty_json_get(answer, "roots");
    if (!list || list->kind != TY_JSON_ARRAY) return false;
    ty_root *roots = TY_NEW(call, ty_root, list->count ? list->count : 1);
    for (size_t i = 0; i < list->count; i++) {
        roots[i].uri = ty_json_text(ty_json_get(&list->items[i], "uri"));
        roots[i].name = ty_json_text(ty_json_get(&list->items[i], "name"));
        if (!roots[i].uri) return false;
    }
    *(ty_roots *)wanted = (ty_roots){ roots, list->count };
    return true;
}

ty_status ty_ask_roots(ty_call *call, const char *key, ty_roots *roots) {
    *roots = (ty_roots){ NULL, 0 };
    return ask(call, (ty_question){ key, TY_QUESTION_ROOTS, NULL, NULL }, read_roots, roots);
}

ty_status ty_require(ty_call *call, unsigned client_can) {
    unsigned missing = client_can & ~call->context->client_can;
    /* The host says what is missing, in the words of the client's protocol, when it is asked for it. */
    static const char sampling[] = "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"\"}}],"
                                   "\"maxTokens\":1";
    const struct {
        unsigned can;
        ty_question question;
    } asking[] = {
        { TY_CAN_FORM, { "form", TY_QUESTION_FORM, "", NO_FIELDS } },
        { TY_CAN_URL, { "url", TY_QUESTION_URL, "", "https://example.com/" } },
        { TY_CAN_SAMPLE, { "sampling", TY_QUESTION_SAMPLING, NULL, ty_format(call, "%s}", sampling) } },
        { TY_CAN_SAMPLE_WITH_TOOLS,
          { "tools", TY_QUESTION_SAMPLING, NULL, ty_format(call, "%s,\"toolChoice\":{\"mode\":\"none\"}}", sampling) } },
        { TY_CAN_ROOTS, { "roots", TY_QUESTION_ROOTS, NULL, NULL } },
    };
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        if (!(missing & asking[i].can)) continue;
        *(ty_question *)ty_push(call, &call->own->questions, sizeof(ty_question)) = asking[i].question;
    }
    return missing ? TY_ASKING : TY_OK;
}
