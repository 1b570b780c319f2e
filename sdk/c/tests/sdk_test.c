/* The SDK, natively and against what is hostile: run it with -fsanitize=address,undefined. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../src/heap.h"
#include "../src/internal.h"
#include "../testing/toolyard_testing.h"

static ty_call *memory;

static const char *read_back(const char *json, size_t length) {
    const ty_json *value;
    if (ty_json_read(memory, (ty_bytes){ json, length }, &value) != TY_OK) return ty_why(memory);
    ty_writer w = ty_json_writer(memory);
    ty_write_value(&w, value);
    return ty_written(&w);
}

/* From memory of just that size, so that reading beyond it is noticed. */
static void check_json(const char *json, const char *wanted) {
    size_t length = strlen(json);
    char *exact = malloc(length ? length : 1);
    if (!exact) abort();
    memcpy(exact, json, length);
    TY_CHECK_TEXT(read_back(exact, length), wanted);
    free(exact);
}

static void json_is_read_and_written(void) {
    static const char *const cases[][2] = {
        { " { \"a\" : [ 1 , 2.50 , -0 , true , null , \"x\" ] , \"b\" : { } } ", "{\"a\":[1,2.5,0,true,null,\"x\"],\"b\":{}}" },
        { "\"\\u00e4\\ud83d\\ude00\\n\\/\\\\\\\"\"", "\"\xC3\xA4\xF0\x9F\x98\x80\\n/\\\\\\\"\"" },
        { "\"<>&\\u0001\\u0000\"", "\"<>&\\u0001\\u0000\"" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775808", "9223372036854776000" },
        { "1e2", "100" },
        { "0.1", "0.1" },
        { "[]", "[]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_json(cases[i][0], cases[i][1]);
}

static void hostile_json_is_refused(void) {
    static const char *const wrong[] = {
        "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",
        "{1:2}", "nul", "nulll", "tru", "True", "01", "-", "-a", "1.", ".5", "1e", "1e+", "+1", "0x1", "1e999", "-1e999", "NaN",
        "Infinity", "\"", "\"\\", "\"\\u", "\"\\u12", "\"\\u123g\"", "\"\\x41\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"\\ud800\\ud800\"", "\"a\nb\"", "\"\x01\"", "\"\x80\"", "\"\xC0\x80\"", "\"\xC3\"", "\"\xE0\x80\x80\"", "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"", "\"\xF8\x88\x80\x80\x80\"", "\"\xFF\"", "1 2", "[1] x", "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":1}", "// c\n1", "'a'", "[1 2]", "{\"a\" 1}", "\xEF\xBB\xBF" "1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t length = strlen(wrong[i]);
        char *exact = malloc(length ? length : 1);
        if (!exact) abort();
        memcpy(exact, wrong[i], length);
        const ty_json *value = NULL;
        ty_status status = ty_json_read(memory, (ty_bytes){ exact, length }, &value);
        if (status == TY_OK) TY_CHECK_TEXT(wrong[i], "refused");
        TY_CHECK(status == TY_ERROR && strncmp(ty_why(memory), "It is not JSON: ", 16) == 0);
        free(exact);
    }
    TY_CHECK(ty_json_read(memory, (ty_bytes){ "1\0", 2 }, &(const ty_json *){ NULL }) == TY_ERROR);
}

static void depth_and_keys_are_bounded(void) {
    char deep[2000];
    for (size_t depth = 99; depth <= 101; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        const ty_json *value;
        TY_CHECK((ty_json_read(memory, (ty_bytes){ deep, 2 * depth }, &value) == TY_OK) == (depth <= 100));
    }
    ty_writer w = ty_json_writer(memory);
    ty_write_begin(&w, '{');
    for (int i = 0; i < 20000; i++) {
        ty_write_key(&w, ty_format(memory, "%d", i));
        ty_write_integer(&w, i);
    }
    ty_write_end(&w, '}');
    const ty_json *value;
    ty_bytes large = { ty_written(&w), strlen(ty_written(&w)) };
    TY_CHECK(ty_json_read(memory, large, &value) == TY_OK && value->count == 20000);
    int64_t number;
    TY_CHECK(ty_json_integer(ty_json_get(value, "19999"), &number) && number == 19999);
    char *twice = (char *)strstr(large.data, "\"19999\"");
    memcpy(twice, "\"19998\"", 7);
    TY_CHECK(ty_json_read(memory, large, &value) == TY_ERROR && strstr(ty_why(memory), "twice") != NULL);
}

/* Cuts, and single bytes that are changed: none of it may do more than be refused. */
static void broken_json_does_no_harm(void) {
    static const char whole[] = "{\"a\":[1.5e3,\"\\ud83d\\ude00\xC3\xA4\",true,{\"b\":null}],\"c\":-0.0e-1}";
    size_t length = sizeof whole - 1;
    for (size_t cut = 0; cut <= length; cut++) {
        ty_call *call = ty_call_begin();
        for (int byte = 0; byte < 256; byte++) {
            char *broken = malloc(length);
            if (!broken) abort();
            memcpy(broken, whole, length);
            if (cut < length) broken[cut] = (char)byte;
            const ty_json *value;
            ty_status status = ty_json_read(call, (ty_bytes){ broken, length }, &value);
            TY_CHECK(status == TY_OK || status == TY_ERROR);
            status = ty_json_read(call, (ty_bytes){ broken, cut }, &value);
            TY_CHECK(cut == length || status == TY_ERROR);
            free(broken);
        }
        ty_call_end(call);
    }
}

static void check_number(double value, const char *wanted) {
    const char *text = ty_number_text(memory, value);
    TY_CHECK_TEXT(text, wanted);
    TY_CHECK(!isfinite(value) || strtod(text, NULL) == value);
}

static void numbers_are_as_short_as_can_be(void) {
    check_number(0, "0");
    check_number(-0.0, "0");
    check_number(1, "1");
    check_number(-273.15, "-273.15");
    check_number(52.52, "52.52");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(1e20, "100000000000000000000");
    check_number(123456789012345680000.0, "123456789012345680000");
    check_number(1e21, "1e21");
    check_number(1.5e300, "1.5e300");
    check_number(0.000001, "0.000001");
    check_number(0.0000015, "0.0000015");
    check_number(1e-7, "1e-7");
    check_number(5e-324, "5e-324");
    check_number(DBL_MIN, "2.2250738585072014e-308");
    check_number(DBL_MAX, "1.7976931348623157e308");
    check_number(NAN, "null");
    check_number(-INFINITY, "null");
    /* Any bits must come back. */
    uint64_t bits = 1;
    ty_call *call = ty_call_begin();
    for (int i = 0; i < 20000; i++) {
        double value;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) TY_CHECK(strtod(ty_number_text(call, value), NULL) == value);
    }
    ty_call_end(call);
}

static void text_is_made_clean(void) {
    static const char *const cases[][2] = {
        { "plain \xC3\xA4", "plain \xC3\xA4" },
        { "a\xFFz", "a\xEF\xBF\xBDz" },
        { "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TY_CHECK_TEXT(ty_clean(memory, ty_bytes_of(cases[i][0])).data, cases[i][1]);
    }
    TY_CHECK_TEXT(ty_url_encode(memory, "K\xC3\xB6ln & /-._~"), "K%C3%B6ln%20%26%20%2F-._~");
    const char *texts[] = { "b", "\xC3\xA4", "a", "B" };
    ty_sort(texts, 4);
    TY_CHECK_TEXT(texts[0], "B");
    TY_CHECK_TEXT(texts[3], "\xC3\xA4");
}

static void check_template(const char *uri_template, const char *uri, const char *wanted) {
    ty_list found = { 0 };
    const char *all = NULL;
    if (ty_fit_template(memory, uri_template, uri, &found)) {
        all = "";
        for (size_t i = 0; i < found.count; i++) {
            const ty_pair *pair = (ty_pair *)found.items + i;
            all = ty_format(memory, "%s%s=%s;", all, pair->key, pair->value);
        }
    }
    TY_CHECK_TEXT(all, wanted);
}

static void templates_are_read_backwards(void) {
    check_template("t://{id}/data", "t://a%2Fb%c3%A9/data", "id=a/b\xC3\xA9;");
    check_template("t://{name}.{ending}", "t://a.b.c", "name=a;ending=b.c;");
    check_template("t://{id}.json", "t://a.json.json", "id=a.json;");
    check_template("t://{+path}", "t://a/b?c#d", "path=a/b?c#d;");
    check_template("t://a", "t://a", "");
    check_template("t://{id}{?part,size}", "t://a", "id=a;");
    check_template("t://{id}{?part,size}", "t://a?size=1%202&more=3&part=b", "id=a;size=1 2;part=b;");
    check_template("t://{id}{?part}", "t://a?part", "id=a;part=;");
    check_template("t://{+path}{?part}", "t://a/b?part=c", "path=a/b;part=c;");
    check_template("t://{id}{?part}", "t://a?part=%ff", NULL);
    check_template("t://{id}{?part}", "t://a/b", NULL);
    check_template("t://{id}{?part}x", "t://a?part=b", NULL);
    static const char *const wrong[] = { "t:///data", "t://a/b/data", "t://a/dat", "t://a/data/", "t://%2/data", "t://%ff/data",
                                         "t://%+1/data", "t://%00/data", "t://", "", "t://%/data" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) check_template("t://{id}/data", wrong[i], NULL);
    check_template("t://{id", "t://a", NULL);
}

static void references_lead_where_they_say(void) {
    static const ty_url base = { true, "a:81", "/b/c?d=1" };
    static const char *const cases[][2] = {
        { "http://x/y", "http://x/y" },       { "//x/y", "https://x/y" },          { "/e?f=/../g", "https://a:81/e?f=/../g" },
        { "e", "https://a:81/b/e" },          { "../e", "https://a:81/e" },        { "../../../e/./f", "https://a:81/e/f" },
        { "?x=1", "https://a:81/b/c?x=1" },   { "", "https://a:81/b/c?d=1" },      { "#z", "https://a:81/b/c?d=1#z" },
        { "./", "https://a:81/b/" },          { "..", "https://a:81/" },           { "mailto:a@b", "mailto:a@b" },
        { "e/f?g=h:i", "https://a:81/b/e/f?g=h:i" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) TY_CHECK_TEXT(ty_url_join(memory, &base, cases[i][0]), cases[i][1]);
}

static void urls_are_read_strictly(void) {
    static const char *const wrong[] = {
        "", "example.com", "ftp://a/", "javascript:alert(1)", "http:/a", "http://", "http:///a", "http://u@a/", "http://u:p@a/",
        "http://a b/", "http://a%2fb/", "http://a:999999/", "http://a:+80/", "http://a:8x/", "http://a:/", "http://[::1/",
        "http://[v1.x]/", "http://::1/", "http://a\n.example/", "http://a/\r\nHost: b", "http://\xC3\xA4.example/",
        "http://a/b c", "http://a/?q=\xC3\xA4", "HTTP://a/", "http://a\\b/",
    };
    ty_url url;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) TY_CHECK(ty_url_read(memory, wrong[i], &url) != NULL);
    TY_CHECK(ty_url_read(memory, "https://example.com:8443/a?b=%20#c", &url) == NULL && url.is_https);
    TY_CHECK_TEXT(url.authority, "example.com:8443");
    TY_CHECK_TEXT(url.path, "/a?b=%20");
    TY_CHECK(ty_url_read(memory, "http://[::1]?q", &url) == NULL && !url.is_https);
    TY_CHECK_TEXT(url.path, "/?q");
}

static void a_state_that_is_none_is_as_good_as_empty(void) {
    ty_call *first = ty_call_begin();
    ty_remember(first, "name", "1");
    ty_remember(first, "name", "two");
    ty_remember(first, "", "");
    ty_bytes state = ty_state(first);
    ty_call *back = ty_call_begin();
    ty_resume(back, (ty_pairs){ NULL, 0 }, state);
    TY_CHECK_TEXT(ty_recall(back, "name"), "two");
    TY_CHECK_TEXT(ty_recall(back, ""), "");
    TY_CHECK_TEXT(ty_recall(back, "other"), NULL);
    TY_CHECK(ty_state(back).length == state.length && memcmp(ty_state(back).data, state.data, state.length) == 0);
    ty_call_end(back);
    for (size_t i = 0; i < state.length; i++) {
        for (int byte = 0; byte < 256; byte += 5) {
            char *broken = malloc(state.length);
            if (!broken) abort();
            memcpy(broken, state.data, state.length);
            broken[i] = (char)byte;
            back = ty_call_begin();
            ty_resume(back, (ty_pairs){ NULL, 0 }, (ty_bytes){ broken, state.length });
            ty_resume(back, (ty_pairs){ NULL, 0 }, (ty_bytes){ state.data, i });
            ty_call_end(back);
            free(broken);
        }
    }
    ty_call_end(first);
}

void plugin_tests(void);

/* Each block has its own bytes in it, which must be there when it goes. */
static void the_heap_gives_what_nobody_else_has(void) {
    enum { BLOCKS = 200, ROUNDS = 40000, LARGE = 1 << 17 };
    static struct { unsigned char *at; size_t size; unsigned char mark; } held[BLOCKS];
    static const size_t alignments[] = { 1, 8, 16, 16, 16, 32, 64, 4096 };
    uint32_t random = 1;
    size_t damaged = 0, crooked = 0, small = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        size_t nth = (random >> 8) % BLOCKS;
        size_t size = (random >> 16) % (random >> 28 == 0 ? LARGE : 600);
        if (held[nth].at) {
            size_t kept = held[nth].size;
            if (round % 3 == 0) {
                held[nth].at = ty_heap_resize(held[nth].at, size);
                if (kept > size) kept = size;
            }
            for (size_t i = 0; i < kept; i++) damaged += held[nth].at[i] != held[nth].mark;
            if (round % 3 == 0) {
                memset(held[nth].at, held[nth].mark, size);
                held[nth].size = size;
                continue;
            }
            ty_heap_free(held[nth].at);
            held[nth].at = NULL;
            continue;
        }
        size_t alignment = alignments[(random >> 13) % (sizeof alignments / sizeof *alignments)];
        unsigned char *at = ty_heap_take(alignment, size);
        if (!at) abort();
        crooked += (uintptr_t)at % (alignment < 16 ? 16 : alignment) != 0;
        small += ty_heap_room(at) < size;
        held[nth].at = at;
        held[nth].size = size;
        held[nth].mark = (unsigned char)round;
        memset(at, held[nth].mark, size);
    }
    TY_CHECK(damaged == 0);
    TY_CHECK(crooked == 0);
    TY_CHECK(small == 0);
    void *same = ty_heap_take(16, 100);
    TY_CHECK(ty_heap_resize(same, 101) == same);
    ty_heap_free(same);
    TY_CHECK(ty_heap_take(16, 90) == same);
    TY_CHECK(!ty_heap_take(16, SIZE_MAX) && !ty_heap_take(16, SIZE_MAX - 15) && !ty_heap_take(16, (size_t)1 << 29));
    TY_CHECK(!ty_heap_take(24, 8) && !ty_heap_take(3, 8));
    TY_CHECK(!ty_heap_resize(same, SIZE_MAX / 2) && ty_heap_room(same) >= 90);
    ty_heap_free(NULL);
}

int main(void) {
    memory = ty_call_begin();
    json_is_read_and_written();
    hostile_json_is_refused();
    depth_and_keys_are_bounded();
    broken_json_does_no_harm();
    numbers_are_as_short_as_can_be();
    text_is_made_clean();
    templates_are_read_backwards();
    references_lead_where_they_say();
    urls_are_read_strictly();
    a_state_that_is_none_is_as_good_as_empty();
    the_heap_gives_what_nobody_else_has();
    ty_call_end(memory);
    plugin_tests();
    return ty_test_failures();
}
