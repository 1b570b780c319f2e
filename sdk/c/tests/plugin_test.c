/* A plugin that uses what the weather plugin does not, seen through the testing helper. */
#include <stdlib.h>
#include <string.h>

#include "../src/internal.h"
#include "../testing/toolyard_testing.h"

#define SIZES(CHOICE) CHOICE(SMALL, "small") CHOICE(LARGE, "x-large")
TY_ENUM(size_name, SIZES)

#define POINT(FIELD)                 \
    FIELD(NUMBER, x, "Across.")      \
    FIELD(NUMBER, y, "")
TY_RECORD(point, POINT)

#define SHAPE_ARGS(FIELD)                                                                         \
    FIELD(RECORD(point), at, "Where.")                                                            \
    FIELD(LIST(RECORD(point)), corners, "Its corners.", TY_ITEMS_MIN(0))                          \
    FIELD(OPTIONAL(LIST(STRING)), tags, "What else.", TY_LENGTH(1, 9))                            \
    FIELD(OPTIONAL(ENUM(size_name)), size, "How large.")                                          \
    FIELD(OPTIONAL(INTEGER), sides, "How many.", TY_MIN(3), .title = "Sides", .header = "Sides")  \
    FIELD(LIST(NULLABLE(NUMBER)), values, "", TY_DEFAULT([1, null, 2.5]))                         \
    FIELD(BOOLEAN, is_open, "Whether it is open.", TY_DEFAULT(true), .key = "open")               \
    FIELD(NULLABLE(STRING), label, "")                                                            \
    FIELD(JSON, rest, "Anything.", .schema = "\"examples\":[1]")

TY_RECORD(shape, SHAPE_ARGS)

/* Gives back what it was given, so that reading and writing are seen together. */
TY_TOOL(echo, SHAPE_ARGS, "Says it again.", .returns = shape_type) {
    return TY_RETURN(call, shape, .at = args->at, .corners = { args->corners.items, args->corners.count },
                     .tags = { args->tags.is_set, { args->tags.value.items, args->tags.value.count } },
                     .size = { args->size.is_set, args->size.value }, .sides = { args->sides.is_set, args->sides.value },
                     .values = { (const void *)args->values.items, args->values.count }, .is_open = args->is_open,
                     .label = { args->label.is_set, args->label.value }, .rest = args->rest);
}

#define PERSON(FIELD)                                           \
    FIELD(STRING, name, "The name.", TY_LENGTH_MIN(1))          \
    FIELD(OPTIONAL(INTEGER), age, "In years.")
TY_RECORD(person, PERSON)

TY_TOOL(ask, TY_NO_ARGS, "Asks everything.") {
    person who;
    ty_action action, page;
    ty_sampled poem;
    ty_roots roots;
    bool yes;
    TY_TRY(ty_require(call, TY_CAN_FORM));
    if (!ty_recall(call, "dear")) {
        ty_log(call, TY_DEBUG, "computed");
        ty_remember(call, "dear", "42");
    }
    TY_TRY(ty_ask_form(call, "who", person_type, &who, &action, "Who are you?"));
    ty_status both = ty_ask_model(call, "poem", 100, &poem, "Write to \"%s\".", who.name);
    TY_TRY(ty_ask_roots(call, "roots", &roots));
    TY_TRY(both);
    TY_TRY(ty_ask_url(call, "page", "https://example.com/", &page, "Go there."));
    TY_TRY(ty_ask_yes(call, "yes", &yes, "Really?"));
    return ty_text(call, "%s %d %s %s %zu %d %d %s", who.name, who.age.is_set ? (int)who.age.value : -1, poem.text, poem.model,
                   roots.count, page, yes, ty_recall(call, "dear"));
}

static ty_status append(ty_call *call, ty_bytes old, ty_bytes *value, void *own) {
    int *tries = own;
    /* Somebody else is faster, once. */
    if ((*tries)++ == 0) TY_TRY(ty_kv_set_text(call, "list", "theirs"));
    *value = ty_bytes_of(ty_format(call, "%s+ours", old.data ? old.data : ""));
    return TY_OK;
}

TY_TOOL(keep, TY_NO_ARGS, "Keeps things.") {
    int tries = 0;
    int64_t sum;
    bool exists;
    ty_bytes value, values[2];
    ty_texts keys;
    TY_TRY(ty_kv_update(call, "list", append, &tries));
    TY_TRY(ty_kv_get(call, "list", &value));
    TY_TRY(ty_kv_increment(call, "count", 5, NULL));
    TY_TRY(ty_kv_increment(call, "count", -7, &sum));
    for (int i = 0; i < 25; i++) TY_TRY(ty_kv_set_text(call, ty_format(call, "k%02d", i), "x"));
    TY_TRY(ty_kv_keys(call, "k", &keys));
    ty_item items[] = { { "a", { "1", 1 } }, { "b", { "", 0 } } };
    TY_TRY(ty_kv_set_many(call, items, 2));
    const char *names[] = { "b", "none" };
    TY_TRY(ty_kv_get_many(call, (ty_texts){ names, 2 }, values));
    TY_TRY(ty_kv_delete(call, "a"));
    TY_TRY(ty_kv_exists(call, "a", &exists));
    ty_text(call, "%s %d %d %zu %s", value.data, tries, (int)sum, keys.count, keys.items[24]);
    return ty_text(call, "%d %d %d", values[0].data && values[0].length == 0, values[1].data == NULL, exists);
}

TY_TOOL(wrong_sum, TY_NO_ARGS, "Counts what is no number.") {
    return ty_kv_increment(call, "list", 1, NULL);
}

TY_TOOL(silent, TY_NO_ARGS, "Fails without a word.") {
    return TY_ERROR;
}

TY_TOOL(forgetful, TY_NO_ARGS, "Asks without a question.") {
    return TY_ASKING;
}

TY_TOOL(hoarder, TY_NO_ARGS, "Remembers too much.") {
    bool yes;
    char *much = ty_alloc(call, 20000);
    memset(much, 'x', 19999);
    ty_remember(call, "much", much);
    return ty_ask_yes(call, "yes", &yes, "?");
}

#define GET_ARGS(FIELD) FIELD(STRING, url, "Where.") FIELD(STRING, method, "", TY_DEFAULT("PUT"))

TY_TOOL(get, GET_ARGS, "Sends something.", .long_running = true, .meta = "{}") {
    ty_response response;
    TY_TRY(TY_FETCH(call, &response, .url = args->url, .method = args->method, .body = { "abc", 3 }, .response_bytes_max = 10,
                    TY_HEADERS({ "X-One", "1" }, { "X-Two", "2" })));
    return ty_text(call, "%d %s %s", response.status, ty_header(&response, "CONTENT-type"), response.body.data);
}

TY_TOOL(rest, TY_NO_ARGS, "Uses what is left.") {
    ty_action action;
    const ty_json *answer;
    TY_TRY(ty_ask_form_json(call, "any", "{\"type\":\"object\",\"properties\":{}}", &answer, &action, "Anything?"));
    ty_pairs all = ty_config_all(call);
    ty_text(call, "%s %zu %s", ty_config(call, "a"), all.count, ty_config(call, "none") ? "some" : "none");
    ty_piece_meta(call, "{\"piece\":1}");
    ty_result_meta(call, "{\"result\":1}");
    ty_is_error(call);
    ty_resource_updated(call, "note://a");
    if (ty_structured_json(call, "{") != TY_ERROR) return ty_internal(call, "broken JSON was taken");
    return ty_structured_json(call, ty_has_scope(call, "read") && ty_json_get(answer, "x") ? "[1]" : "[0]");
}

TY_RESOURCE_LIST(more) {
    if (!ty_cursor(call)) {
        ty_next(call, "2");
        return TY_OK;
    }
    TY_ENTRY(call, .uri = "note://second", .name = ty_cursor(call));
    return TY_OK;
}

TY_COMPLETE(size, .prompt = "trip", .argument = "size") {
    ty_suggest(call, ty_known(call, "days") ? "known" : "unknown");
    ty_more(call, 7);
    return TY_OK;
}

TY_COMPLETE(path, .uri_template = "note://{+path}", .argument = "path") {
    if (ty_begins("readme", value)) ty_suggest(call, "readme");
    return TY_OK;
}

TY_RESOURCE(note, "note://{+path}", "A note.", .mime_type = "text/plain") {
    if (strcmp(ty_variable(call, "path"), "none") == 0) return TY_NOT_FOUND;
    if (strcmp(ty_variable(call, "path"), "empty") == 0) return TY_OK;
    return TY_GIVE(call, .text = ty_variable(call, "path"));
}

TY_RESOURCE(readme, "note://readme", "Read it.") {
    return TY_GIVE(call, .blob = { "\0\1", 2 });
}

TY_RESOURCE(other, "other://x", "Another.") {
    return ty_denied(call, "Not for you.");
}

#define TRIP_ARGS(FIELD)                          \
    FIELD(INTEGER, days, "")                      \
    FIELD(OPTIONAL(BOOLEAN), far_away, "")        \
    FIELD(ENUM(size_name), size, "", TY_DEFAULT("small"))

TY_PROMPT(trip, TRIP_ARGS, "A trip.") {
    ty_describe(call, "For %d days", (int)args->days);
    ty_text(call, "days %d far %d size %s", (int)args->days, args->far_away.is_set && args->far_away.value,
            TY_TEXT_OF(size_name, args->size));
    ty_role(call, TY_ASSISTANT);
    return ty_text(call, "Sure.");
}

TY_PLUGIN {
    .tools = TY_TOOLS(&echo_tool, &ask_tool, &keep_tool, &wrong_sum_tool, &silent_tool, &forgetful_tool, &hoarder_tool, &get_tool,
                      &rest_tool),
    .list = more_list,
    .completions = TY_COMPLETIONS(&size_completion, &path_completion),
    .resources = TY_RESOURCES(&readme_resource, &note_resource, &other_resource),
    .prompts = TY_PROMPTS(&trip_prompt),
};

static void check_call(ty_test *test, const char *tool, const char *arguments, const char *wanted) {
    ty_status status = ty_test_call(test, tool, arguments);
    const char *structured = ty_test_structured(test);
    TY_CHECK_TEXT(status == TY_ERROR ? ty_test_error_text(test) : structured ? structured : ty_test_text(test), wanted);
}

static void records_come_and_go(ty_test *test) {
    check_call(test, "echo", "{\"at\":{\"x\":1,\"y\":-2.5},\"corners\":[],\"label\":null,\"rest\":{\"z\":[1]}}",
               "{\"at\":{\"x\":1,\"y\":-2.5},\"corners\":[],\"values\":[1,null,2.5],\"open\":true,\"label\":null,\"rest\":{\"z\":[1]}}");
    static const char full[] =
        "{\"at\":{\"x\":1,\"y\":2},\"corners\":[{\"x\":0,\"y\":0}],\"tags\":[\"a\",\"\xC3\xA4\"],\"size\":\"x-large\",\"sides\":4,"
        "\"values\":[],\"open\":false,\"label\":\"<&>\",\"rest\":null}";
    check_call(test, "echo", full, full);
    static const char *const wrong[][2] = {
        { "[]", "it is not an object" },
        { "{\"corners\":[],\"rest\":1}", "`at` is missing" },
        { "{\"at\":{\"x\":1},\"corners\":[],\"rest\":1}", "`at`: `y` is missing" },
        { "{\"at\":{\"x\":1,\"y\":\"2\"},\"corners\":[],\"rest\":1}", "`at`: `y` is not a number" },
        { "{\"at\":{\"x\":1,\"y\":2},\"corners\":[1],\"rest\":1}", "`corners`[0] is not an object" },
        { "{\"at\":{\"x\":1,\"y\":2},\"corners\":[{\"x\":1,\"y\":2},{\"x\":1}],\"rest\":1}", "`corners`[1]: `y` is missing" },
        { "{\"at\":{\"x\":1,\"y\":2},\"corners\":[],\"sides\":1.5,\"rest\":1}", "`sides` is not a whole number" },
        { "{\"at\":{\"x\":1,\"y\":2},\"corners\":[],\"label\":\"a\\u0000b\",\"rest\":1}", "`label` holds the character U+0000" },
        { "{\"at\":{\"x\":1,\"y\":2},\"corners\":[],\"size\":\"medium\",\"rest\":1}", "`size` is none of small, x-large" },
        { "{", "It is not JSON: a text is expected at byte 1." },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) check_call(test, "echo", wrong[i][0], wrong[i][1]);
    TY_CHECK_TEXT(
        ty_schema(ty_test_last(test), echo_args_type, true),
        "{\"type\":\"object\",\"properties\":{\"at\":{\"description\":\"Where.\",\"type\":\"object\",\"properties\":{\"x\":"
        "{\"description\":\"Across.\",\"type\":\"number\"},\"y\":{\"type\":\"number\"}},\"required\":[\"x\",\"y\"]},"
        "\"corners\":{\"description\":\"Its corners.\",\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"x\":"
        "{\"description\":\"Across.\",\"type\":\"number\"},\"y\":{\"type\":\"number\"}},\"required\":[\"x\",\"y\"]},\"minItems\":0},"
        "\"tags\":{\"description\":\"What else.\",\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":9}},"
        "\"size\":{\"description\":\"How large.\",\"type\":\"string\",\"enum\":[\"small\",\"x-large\"]},"
        "\"sides\":{\"title\":\"Sides\",\"description\":\"How many.\",\"x-mcp-header\":\"Sides\",\"type\":\"integer\",\"minimum\":3},"
        "\"values\":{\"default\":[1, null, 2.5],\"type\":\"array\",\"items\":{\"type\":[\"number\",\"null\"]}},"
        "\"open\":{\"description\":\"Whether it is open.\",\"default\":true,\"type\":\"boolean\"},"
        "\"label\":{\"type\":[\"string\",\"null\"]},"
        "\"rest\":{\"description\":\"Anything.\",\"examples\":[1]}},"
        "\"required\":[\"at\",\"corners\",\"label\",\"rest\"],\"additionalProperties\":false}");
}

static void questions_are_asked_until_they_are_answered(ty_test *test) {
    TY_CHECK(ty_test_call(test, "ask", "{}") == TY_ASKING);
    TY_CHECK_TEXT(ty_test_question(test), "Who are you?");
    /* What does not fit is asked again, and again. */
    ty_test_answer(test, "who", TY_TEST_ACCEPT("{\"name\":1}"));
    TY_CHECK(ty_test_call(test, "ask", "{}") == TY_ASKING);
    TY_CHECK(ty_test_rounds(test) == 32);
    ty_test_answer(test, "who", TY_TEST_ACCEPT("{\"name\":\"Ada\"}"));
    ty_test_answer(test, "poem", "{\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"O\"},"
                                 "{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"my\"}]}");
    ty_test_answer(test, "roots", "{\"roots\":[{\"uri\":\"file:///a\",\"name\":\"a\"},{\"uri\":\"file:///b\"}]}");
    ty_test_answer(test, "page", TY_TEST_CANCEL);
    ty_test_answer(test, "yes", "{\"action\":\"accept\"}");
    check_call(test, "ask", "{}", "Ada -1 O\nmy m 2 2 1 42");
    TY_CHECK(ty_test_rounds(test) == 5);
    TY_CHECK_TEXT(ty_test_told(test), "debug computed");
    static const char *const wrong[] = { "[]", "{", "{}", "{\"action\":\"maybe\"}", "{\"action\":\"accept\",\"content\":[]}",
                                         "{\"action\":\"accept\"}", "{\"action\":\"accept\",\"content\":{\"name\":\"a\",\"age\":\"b\"}}" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ty_test_answer(test, "who", wrong[i]);
        TY_CHECK(ty_test_call(test, "ask", "{}") == TY_ASKING);
        TY_CHECK_TEXT(ty_test_question(test), "Who are you?");
    }
    ty_test_context(test)->client_can = TY_CAN_ROOTS;
    TY_CHECK(ty_test_call(test, "ask", "{}") == TY_ASKING);
    TY_CHECK_TEXT(ty_test_question(test), "");
}

static void the_store_loses_nothing(ty_test *test) {
    check_call(test, "keep", "{}", "this plugin has no store to keep anything in");
    ty_test_keyvalue(test);
    check_call(test, "keep", "{}", "theirs+ours 2 -2 25 k24\n1 1 0");
    TY_CHECK_TEXT(ty_test_stored(test, "count"), "-2");
    check_call(test, "wrong_sum", "{}", "the store refused: the value is no number, or the sum is too large");
}

static void mistakes_of_plugins_are_named(ty_test *test) {
    check_call(test, "silent", "{}", "The plugin failed without saying why.");
    check_call(test, "forgetful", "{}", "The plugin asks for something without saying what.");
    check_call(test, "none", "{}", "The plugin has no tool `none`.");
    TY_CHECK(ty_test_error(test) == TY_INTERNAL);
    check_call(test, "hoarder", "{}",
               "The answers so far and what is to be remembered take 20013 bytes, and 16384 can be kept.");
}

static ty_http_failure serve(ty_call *call, const ty_request *request, ty_response *response, void *own) {
    static const ty_pair headers[] = { { "content-type", "a" } };
    TY_CHECK(request->headers_count == 2 && request->body.length == 3 && request->timeout_ms == 20000);
    response->status = 404;
    response->headers = (ty_pairs){ headers, 1 };
    response->body = ty_bytes_of(ty_format(call, "%s%s", request->method, (const char *)own));
    return TY_HTTP_NONE;
}

static void requests_are_checked(ty_test *test) {
    check_call(test, "get", "{\"url\":\"https://a/\"}", "this address may not be reached from here");
    ty_test_http(test, serve, "!");
    check_call(test, "get", "{\"url\":\"https://a/\"}", "404 a PUT!");
    check_call(test, "get", "{\"url\":\"https://a/\",\"method\":\"G T\"}", "the method is none");
    check_call(test, "get", "{\"url\":\"https://a/ b\"}",
               "the URL has a character in it that must be percent-encoded (see ty_url_encode)");
    ty_test_http(test, serve, "12345678");
    check_call(test, "get", "{\"url\":\"https://a/\"}", "the response is too large");
}

/* Knows the way, and says what came along to each place. */
static ty_http_failure lead(ty_call *call, const ty_request *request, ty_response *response, void *own) {
    static const char *const ways[][3] = {
        { "https://a/start", "302", "/deep/../moved?x=1" }, { "https://a/moved?x=1", "307", "next" },
        { "https://a/next", "308", "https://b/end#part" },  { "https://a/round", "301", "round" },
        { "https://a/out", "303", "ftp://c/" },
    };
    const char **trail = own;
    *trail = ty_format(call, "%s%s %s %zu %zu;", *trail, request->method, request->url, request->headers_count, request->body.length);
    response->status = 200;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(request->url, ways[i][0]) != 0) continue;
        response->status = (uint16_t)atoi(ways[i][1]);
        ty_pair *location = TY_NEW(call, ty_pair, 1);
        *location = (ty_pair){ "Location", ways[i][2] };
        response->headers = (ty_pairs){ location, 1 };
    }
    return TY_HTTP_NONE;
}

static void redirects_are_followed_as_far_as_is_said(ty_test *test) {
    const char *trail = "";
    ty_test_http(test, lead, &trail);
    ty_test_call(test, "rest", "{}");
    ty_call *call = ty_test_last(test);
    ty_response response;
    /* None, unless it says so. */
    TY_CHECK(TY_FETCH(call, &response, .url = "https://a/start") == TY_OK && response.status == 302);
    TY_CHECK_TEXT(response.url, "https://a/start");
    trail = "";
    TY_CHECK(TY_FETCH(call, &response, .url = "https://a/start", .body = { "abc", 3 }, .redirects_max = 3,
                      TY_HEADERS({ "Authorization", "x" }, { "Content-Type", "text/plain" }, { "Accept", "*" })) == TY_OK);
    TY_CHECK(response.status == 200);
    TY_CHECK_TEXT(response.url, "https://b/end#part");
    TY_CHECK_TEXT(trail, "POST https://a/start 3 3;GET https://a/moved?x=1 2 0;GET https://a/next 2 0;GET https://b/end#part 1 0;");
    TY_CHECK(TY_FETCH(call, &response, .url = "https://a/round", .redirects_max = 5) == TY_ERROR);
    TY_CHECK(response.failure == TY_HTTP_REDIRECTS);
    TY_CHECK_TEXT(ty_why(call), "there are too many redirects");
    TY_CHECK(TY_FETCH(call, &response, .url = "https://a/out", .redirects_max = 5) == TY_ERROR);
    TY_CHECK_TEXT(ty_why(call), "the server redirects to what is no address");
}

static void settings_are_read_as_what_they_are(ty_test *test) {
    static const char *const settings[][2] = { { "n", " 12 " }, { "x", "0.5" }, { "yes", "true" }, { "no", "false" }, { "words", "many" } };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) ty_test_config(test, settings[i][0], settings[i][1]);
    ty_test_call(test, "rest", "{}");
    ty_call *call = ty_test_last(test);
    int64_t n;
    double x;
    bool b;
    TY_CHECK(ty_config_integer(call, "n", 1, &n) == TY_OK && n == 12);
    TY_CHECK(ty_config_integer(call, "none", 7, &n) == TY_OK && n == 7);
    TY_CHECK(ty_config_number(call, "x", 1, &x) == TY_OK && x == 0.5);
    TY_CHECK(ty_config_boolean(call, "yes", false, &b) == TY_OK && b);
    TY_CHECK(ty_config_boolean(call, "no", true, &b) == TY_OK && !b);
    TY_CHECK(ty_config_integer(call, "words", 1, &n) == TY_ERROR);
    TY_CHECK_TEXT(ty_why(call), "the operator's setting `words` cannot be used: it is no integer");
    TY_CHECK(ty_config_boolean(call, "n", true, &b) == TY_ERROR);
    TY_CHECK_TEXT(ty_why(call), "the operator's setting `n` cannot be used: it is neither `true` nor `false`");
}

static void the_time_that_is_left_ends(ty_test *test) {
    ty_test_call(test, "rest", "{}");
    TY_CHECK(ty_time_left_ms(ty_test_last(test)) > 0);
    ty_test_context(test)->deadline_ms = 1;
    TY_CHECK(ty_time_left_ms(ty_test_last(test)) == 0);
}

static void resources_are_found(ty_test *test) {
    ty_test_list(test);
    TY_CHECK_TEXT(ty_test_text(test), "note://readme readme\nother://x other");
    ty_test_read(test, "note://a%20b/c");
    TY_CHECK_TEXT(ty_test_text(test), "a b/c");
    TY_CHECK(ty_test_read(test, "note://none") == TY_NOT_FOUND);
    TY_CHECK(ty_test_read(test, "note://empty") == TY_NOT_FOUND);
    TY_CHECK(ty_test_read(test, "nothing://") == TY_NOT_FOUND);
    TY_CHECK(ty_test_read(test, "note://readme") == TY_OK);
    TY_CHECK(ty_test_read(test, "other://x") == TY_ERROR && ty_test_error(test) == TY_DENIED);
    ty_texts prefixes = ty_prefixes(ty_test_last(test));
    TY_CHECK(prefixes.count == 2);
    TY_CHECK_TEXT(prefixes.items[0], "note://");
    TY_CHECK_TEXT(prefixes.items[1], "other://x");
}

static void prompts_take_texts(ty_test *test) {
    ty_pair given[] = { { "days", "5" }, { "far_away", "true" }, { "size", "x-large" } };
    TY_CHECK(ty_test_prompt(test, "trip", (ty_pairs){ given, 3 }) == TY_OK);
    TY_CHECK_TEXT(ty_test_text(test), "days 5 far 1 size x-large\nSure.");
    given[0].value = "5,\"size\":\"small\"";
    TY_CHECK(ty_test_prompt(test, "trip", (ty_pairs){ given, 1 }) == TY_ERROR);
    TY_CHECK_TEXT(ty_test_error_text(test), "The arguments do not fit: `days` is not a whole number.");
}

static void the_rest_is_passed_on(ty_test *test) {
    static const char *const scopes[] = { "write", "read" };
    ty_test_config(test, "a", "b");
    ty_test_answer(test, "any", TY_TEST_ACCEPT("{\"x\":1}"));
    ty_test_context(test)->scopes = (ty_texts){ scopes, 2 };
    check_call(test, "rest", "{}", "[1]");
    TY_CHECK_TEXT(ty_test_text(test), "b 1 none");
    TY_CHECK_TEXT(ty_test_told(test), "updated note://a");
    const ty_private *own = ty_test_last(test)->own;
    TY_CHECK(own->is_error);
    TY_CHECK_TEXT(own->meta, "{\"result\":1}");
    TY_CHECK_TEXT(((const ty_piece *)own->pieces.items)->meta, "{\"piece\":1}");
}

static void lists_go_on_where_they_ended(ty_test *test) {
    ty_test_list(test);
    TY_CHECK_TEXT(ty_test_last(test)->own->next, "2");
    ty_call *call = ty_call_begin();
    call->context = ty_test_context(test);
    TY_CHECK(ty_run_list(call, "2") == TY_OK && call->own->entries.count == 1 && !call->own->next);
    ty_call_end(call);
}

static void suggestions_know_what_is_filled_in(ty_test *test) {
    static const ty_pair known[] = { { "days", "3" } };
    ty_test_complete_template(test, "note://{+path}", "path", "re");
    TY_CHECK_TEXT(ty_test_text(test), "readme");
    ty_test_complete_template(test, "note://{+path}", "path", "x");
    TY_CHECK_TEXT(ty_test_text(test), "");
    ty_test_complete_prompt(test, "trip", "size", "");
    TY_CHECK_TEXT(ty_test_text(test), "unknown");
    ty_call *call = ty_call_begin();
    call->context = ty_test_context(test);
    TY_CHECK(ty_run_completion(call, true, "trip", "size", "", (ty_pairs){ known, 1 }) == TY_OK);
    TY_CHECK_TEXT(*(const char **)call->own->suggestions.items, "known");
    TY_CHECK(call->own->has_more && call->own->total == 7);
    ty_call_end(call);
}

void plugin_tests(void);
void plugin_tests(void) {
    void (*const tests[])(ty_test *) = {
        records_come_and_go,  questions_are_asked_until_they_are_answered,
        the_store_loses_nothing, mistakes_of_plugins_are_named,
        requests_are_checked, resources_are_found,
        redirects_are_followed_as_far_as_is_said, settings_are_read_as_what_they_are,
        the_time_that_is_left_ends,
        prompts_take_texts,   the_rest_is_passed_on,
        lists_go_on_where_they_ended, suggestions_know_what_is_filled_in,
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        ty_test *test = ty_test_begin();
        tests[i](test);
        ty_test_end(test);
    }
}
