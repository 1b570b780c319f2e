/* Calls of native tests, and what came of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"

/* As many rounds as the host allows. */
enum { ROUNDS_MAX = 32 };

static int checks, failures;

void ty_test_check(bool ok, const char *what, const char *file, int line) {
    checks++;
    if (ok) return;
    failures++;
    fprintf(stderr, "%s:%d: it does not hold that %s\n", file, line, what);
}

void ty_test_check_text(const char *actual, const char *wanted, const char *file, int line) {
    bool same = actual && wanted ? strcmp(actual, wanted) == 0 : actual == wanted;
    checks++;
    if (same) return;
    failures++;
    fprintf(stderr, "%s:%d:\n  is     %s\n  wanted %s\n", file, line, actual ? actual : "(none)", wanted ? wanted : "(none)");
}

int ty_test_failures(void) {
    fprintf(stderr, "%d checks, %d failed\n", checks, failures);
    return failures != 0;
}

ty_test *ty_test_begin(void) {
    ty_call *own = ty_call_begin();
    ty_test *test = ty_alloc(own, sizeof *test);
    test->own = own;
    test->context = (ty_context){
        .tenant = "default",
        .subject = "anonymous",
        .client_can = TY_CAN_FORM | TY_CAN_URL | TY_CAN_SAMPLE | TY_CAN_SAMPLE_WITH_TOOLS | TY_CAN_ROOTS,
        .deadline_ms = UINT64_MAX,
        .attempt = 1,
        .idempotency_key = "test",
        .wants_progress = true,
    };
    ty_current_test = test;
    return test;
}

void ty_test_end(ty_test *test) {
    ty_current_test = NULL;
    if (test->last) ty_call_end(test->last);
    for (size_t i = 0; i < test->stored.count; i++) free((void *)((ty_item *)test->stored.items)[i].value.data);
    ty_call_end(test->own);
}

ty_context *ty_test_context(ty_test *test) {
    return &test->context;
}

static void push_pair(ty_test *test, ty_list *list, const char *key, const char *value) {
    *(ty_pair *)ty_push(test->own, list, sizeof(ty_pair)) = (ty_pair){ key, value };
}

void ty_test_config(ty_test *test, const char *key, const char *value) {
    push_pair(test, &test->config, key, value);
}

void ty_test_keyvalue(ty_test *test) {
    test->has_store = true;
}

void ty_test_http(ty_test *test, ty_test_server *server, void *own) {
    test->server = server;
    test->server_own = own;
}

void ty_test_answer(ty_test *test, const char *key, const char *json) {
    ty_list *answers = &test->answers;
    for (size_t i = 0; i < answers->count; i++) {
        ty_pair *answer = (ty_pair *)answers->items + i;
        if (strcmp(answer->key, key) != 0) continue;
        answer->value = json;
        return;
    }
    push_pair(test, answers, key, json);
}

/* One way into the plugin. */
typedef struct door {
    enum { TO_TOOL, TO_PROMPT, TO_READ, TO_LIST, TO_COMPLETE_PROMPT, TO_COMPLETE_TEMPLATE } to;
    const char *name;
    const char *first;
    const char *second;
    ty_pairs pairs;
} door;

static ty_status enter(ty_call *call, const door *door) {
    ty_pairs none = { NULL, 0 };
    switch (door->to) {
    case TO_TOOL:
        return ty_run_tool(call, door->name, ty_bytes_of(door->first));
    case TO_PROMPT:
        return ty_run_prompt(call, door->name, door->pairs);
    case TO_READ:
        return ty_run_read(call, door->name);
    case TO_LIST:
        return ty_run_list(call, call->own->cursor);
    default:
        return ty_run_completion(call, door->to == TO_COMPLETE_PROMPT, door->name, door->first, door->second, none);
    }
}

/* The answers to what was asked in this round, and to nothing else. */
static ty_pairs answers_to(ty_test *test, ty_call *call) {
    ty_list answers = { 0 };
    const ty_list *questions = &call->own->questions;
    for (size_t i = 0; i < questions->count; i++) {
        const char *key = ((const ty_question *)questions->items)[i].key;
        const char *answer = ty_find_pair((ty_pairs){ test->answers.items, test->answers.count }, key);
        if (answer) push_pair(test, &answers, ty_copy(test->own, key, strlen(key)).data, answer);
    }
    return (ty_pairs){ answers.items, answers.count };
}

static void note_question(ty_test *test, ty_call *call) {
    const ty_list *questions = &call->own->questions;
    const ty_question *last = (const ty_question *)questions->items + questions->count - 1;
    test->question = ty_format(test->own, "%s", last->message ? last->message : "");
    test->question_body = ty_format(test->own, "%s", last->body ? last->body : "");
}

static ty_status run(ty_test *test, const door *door) {
    ty_bytes state = { "", 0 };
    ty_pairs answers = { NULL, 0 };
    ty_status status = TY_ASKING;
    test->told = "";
    test->question = test->question_body = NULL;
    for (test->rounds = 0; status == TY_ASKING && test->rounds < ROUNDS_MAX; test->rounds++) {
        if (test->rounds && answers.count == 0) return status;
        if (test->last) ty_call_end(test->last);
        test->last = ty_call_begin();
        test->last->context = &test->context;
        ty_resume(test->last, answers, state);
        status = enter(test->last, door);
        if (status != TY_ASKING) break;
        note_question(test, test->last);
        answers = answers_to(test, test->last);
        state = ty_state(test->last);
        state = ty_copy(test->own, state.data, state.length);
    }
    test->rounds += status != TY_ASKING;
    return status;
}

ty_status ty_test_call(ty_test *test, const char *tool, const char *arguments) {
    return run(test, &(door){ .to = TO_TOOL, .name = tool, .first = arguments });
}

ty_status ty_test_prompt(ty_test *test, const char *prompt, ty_pairs arguments) {
    return run(test, &(door){ .to = TO_PROMPT, .name = prompt, .pairs = arguments });
}

ty_status ty_test_read(ty_test *test, const char *uri) {
    return run(test, &(door){ .to = TO_READ, .name = uri });
}

ty_status ty_test_list(ty_test *test) {
    return run(test, &(door){ .to = TO_LIST });
}

ty_status ty_test_complete_prompt(ty_test *test, const char *prompt, const char *argument, const char *value) {
    return run(test, &(door){ .to = TO_COMPLETE_PROMPT, .name = prompt, .first = argument, .second = value });
}

ty_status ty_test_complete_template(ty_test *test, const char *uri_template, const char *argument, const char *value) {
    return run(test, &(door){ .to = TO_COMPLETE_TEMPLATE, .name = uri_template, .first = argument, .second = value });
}

static const char *piece_text(ty_call *call, const ty_piece *piece) {
    switch (piece->kind) {
    case TY_PIECE_TEXT:
        return piece->data.data;
    case TY_PIECE_IMAGE:
        return ty_format(call, "image %s %zu bytes", piece->mime_type, piece->data.length);
    case TY_PIECE_AUDIO:
        return ty_format(call, "audio %s %zu bytes", piece->mime_type, piece->data.length);
    case TY_PIECE_LINK:
        return ty_format(call, "link %s %s", piece->link.uri, piece->link.name);
    case TY_PIECE_EMBEDDED:
        break;
    }
    const char *held = piece->contents.text ? piece->contents.text : piece->contents.blob.data;
    return ty_format(call, "resource %s %s", piece->contents.uri, held ? held : "");
}

static void add_line(ty_call *call, const char **all, const char *line) {
    *all = **all ? ty_format(call, "%s\n%s", *all, line) : line;
}

const char *ty_test_text(ty_test *test) {
    ty_call *call = test->last;
    const ty_private *own = call->own;
    const char *all = "";
    for (size_t i = 0; i < own->pieces.count; i++) add_line(call, &all, piece_text(call, (ty_piece *)own->pieces.items + i));
    for (size_t i = 0; i < own->contents.count; i++) {
        const ty_contents *contents = (ty_contents *)own->contents.items + i;
        add_line(call, &all, contents->text ? contents->text : contents->blob.data);
    }
    for (size_t i = 0; i < own->entries.count; i++) {
        const ty_resource_info *entry = (ty_resource_info *)own->entries.items + i;
        add_line(call, &all, ty_format(call, "%s %s", entry->uri, entry->name));
    }
    for (size_t i = 0; i < own->suggestions.count; i++) add_line(call, &all, ((const char **)own->suggestions.items)[i]);
    return all;
}

const char *ty_test_structured(ty_test *test) {
    return test->last->own->structured;
}

ty_error_kind ty_test_error(ty_test *test) {
    return test->last->own->error.kind;
}

const char *ty_test_error_text(ty_test *test) {
    return ty_why(test->last);
}

int64_t ty_test_after_ms(ty_test *test) {
    return test->last->own->error.after_ms;
}

const char *ty_test_question(ty_test *test) {
    return test->question;
}

const char *ty_test_question_body(ty_test *test) {
    return test->question_body;
}

int ty_test_rounds(ty_test *test) {
    return test->rounds;
}

const char *ty_test_told(ty_test *test) {
    return test->told;
}

ty_call *ty_test_last(ty_test *test) {
    return test->last;
}
