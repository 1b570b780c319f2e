/* Testing a plugin without a host. What it tells the host is kept here, and what it asks for is what the test grants.
 *
 *     #include "toolyard_testing.h"
 *
 *     int main(void) {
 *         ty_test *test = ty_test_begin();
 *         ty_test_call(test, "greet", "{\"name\":\"Ada\"}");
 *         TY_CHECK_TEXT(ty_test_text(test), "Hello, Ada!");
 *         ty_test_end(test);
 *         return ty_test_failures();
 *     }
 */
#ifndef TOOLYARD_TESTING_H
#define TOOLYARD_TESTING_H

#include "../toolyard.h"

typedef struct ty_test ty_test;

/* A test begins with nothing granted: no settings, no store, no server. What is kept in the store stays until its end. */
ty_test *ty_test_begin(void);
void ty_test_end(ty_test *test);

/* What the operator grants. */
void ty_test_config(ty_test *test, const char *key, const char *value);
void ty_test_keyvalue(ty_test *test);
/* Answers requests: fills in `response`, or returns why there is none. What it needs longer comes from ty_format and the like. */
typedef ty_http_failure ty_test_server(ty_call *call, const ty_request *request, ty_response *response, void *own);
void ty_test_http(ty_test *test, ty_test_server *server, void *own);
/* The context of the calls that follow: a client that can be asked everything. Change what a test needs otherwise. */
ty_context *ty_test_context(ty_test *test);
/* What the user says to the question `key`, such as TY_TEST_ACCEPT("{\"sure\":true}"). Without, it stays open. */
void ty_test_answer(ty_test *test, const char *key, const char *json);
#define TY_TEST_ACCEPT(content) "{\"action\":\"accept\",\"content\":" content "}"
#define TY_TEST_DECLINE "{\"action\":\"decline\"}"
#define TY_TEST_CANCEL "{\"action\":\"cancel\"}"

/* Calls, as the host makes them; a function that asks is run again with the answers. What came of the last one stays at hand until
 * the next. Arguments are not held against the schema, which is for the host to do. */
ty_status ty_test_call(ty_test *test, const char *tool, const char *arguments);
ty_status ty_test_prompt(ty_test *test, const char *prompt, ty_pairs arguments);
ty_status ty_test_read(ty_test *test, const char *uri);
ty_status ty_test_list(ty_test *test);
ty_status ty_test_complete_prompt(ty_test *test, const char *prompt, const char *argument, const char *value);
ty_status ty_test_complete_template(ty_test *test, const char *uri_template, const char *argument, const char *value);

/* What came of it. */
/* All of it as lines: texts and contents as they are, other pieces as what they are, entries as `URI name`, suggestions. */
const char *ty_test_text(ty_test *test);
/* NULL if there is none. */
const char *ty_test_structured(ty_test *test);
ty_error_kind ty_test_error(ty_test *test); /* 0: none. */
const char *ty_test_error_text(ty_test *test);
int64_t ty_test_after_ms(ty_test *test);
/* The message of the last question of this call, and what belongs to it: schema, URL or params. NULL if it asked nothing. */
const char *ty_test_question(ty_test *test);
const char *ty_test_question_body(ty_test *test);
/* How often the function ran. */
int ty_test_rounds(ty_test *test);
/* What it told the host, as lines: `progress 1/3 looking`, `info ...`, `changed resources`, `updated URI`. */
const char *ty_test_told(ty_test *test);
/* A value of the store; NULL if there is none. */
const char *ty_test_stored(ty_test *test, const char *key);
/* The last call itself, for what is not here. */
ty_call *ty_test_last(ty_test *test);

/* Checks say where they failed, and go on. */
#define TY_CHECK(condition) ty_test_check((condition), #condition, __FILE__, __LINE__)
#define TY_CHECK_TEXT(actual, wanted) ty_test_check_text((actual), (wanted), __FILE__, __LINE__)
void ty_test_check(bool ok, const char *what, const char *file, int line);
void ty_test_check_text(const char *actual, const char *wanted, const char *file, int line);
/* For main to return: 0 if all checks held. Says how many there were. */
int ty_test_failures(void);

#endif
