/* The plugin as the host sees it, with a weather service that the tests write. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "testing/toolyard_testing.h"

/* What the service answers, and what it was asked. */
typedef struct service {
    int status;
    const char *places;
    const char *forecast;
    char asked[2][400];
    int count;
} service;

static const char BERLIN[] = "{\"results\":[{\"name\":\"Berlin\",\"latitude\":52.52,\"longitude\":13.41,\"country\":\"DE\"}]}";
static const char TWO_DAYS[] =
    "{\"latitude\":52.5,\"daily\":{\"time\":[\"2026-11-21\",\"2026-11-22\"],\"temperature_2m_max\":[7.5,-0.5],"
    "\"temperature_2m_min\":[2.4,-3.6],\"precipitation_probability_max\":[40,null]}}";

static ty_http_failure serve(ty_call *call, const ty_request *request, ty_response *response, void *own) {
    service *weather = own;
    (void)call;
    TY_CHECK(request->headers_count == 1);
    TY_CHECK_TEXT(request->headers[0].key, "Accept");
    TY_CHECK_TEXT(request->headers[0].value, "application/json");
    strncpy(weather->asked[weather->count++ % 2], request->url, sizeof weather->asked[0] - 1);
    response->status = (uint16_t)weather->status;
    const char *body = strstr(request->url, "/v1/search") ? weather->places : weather->forecast;
    if (!body) return TY_HTTP_CONNECT;
    response->body = (ty_bytes){ body, strlen(body) };
    return TY_HTTP_NONE;
}

static void check(ty_test *test, const char *tool, const char *arguments, const char *wanted) {
    ty_status status = ty_test_call(test, tool, arguments);
    const char *structured = ty_test_structured(test);
    TY_CHECK_TEXT(status == TY_ERROR ? ty_test_error_text(test) : structured ? structured : ty_test_text(test), wanted);
}

static void temperatures_are_converted(void) {
    ty_test *test = ty_test_begin();
    static const char *const cases[][2] = {
        { "{\"value\":20,\"from\":\"celsius\",\"to\":\"fahrenheit\"}", "{\"value\":68,\"unit\":\"fahrenheit\"}" },
        { "{\"value\":-40,\"from\":\"fahrenheit\",\"to\":\"celsius\"}", "{\"value\":-40,\"unit\":\"celsius\"}" },
        { "{\"value\":0,\"from\":\"kelvin\",\"to\":\"celsius\"}", "{\"value\":-273,\"unit\":\"celsius\"}" },
        { "{\"value\":-1,\"from\":\"celsius\",\"to\":\"kelvin\"}", "{\"value\":272,\"unit\":\"kelvin\"}" },
        { "{\"value\":-274,\"from\":\"celsius\",\"to\":\"kelvin\"}", "That is below absolute zero." },
        { "{\"value\":-460,\"from\":\"fahrenheit\",\"to\":\"celsius\"}", "That is below absolute zero." },
        { "{\"value\":-1,\"from\":\"kelvin\",\"to\":\"kelvin\"}", "That is below absolute zero." },
        { "{\"value\":1,\"from\":\"celsius\",\"to\":\"rankine\"}", "`to` is none of celsius, fahrenheit, kelvin" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(test, "convert", cases[i][0], cases[i][1]);
    ty_test_end(test);
}

static void a_forecast_is_fetched(void) {
    ty_test *test = ty_test_begin();
    service weather = { 200, BERLIN, TWO_DAYS, { "" }, 0 };
    ty_test_http(test, serve, &weather);
    check(test, "forecast", "{\"place\":\"Berlin Mitte\",\"unit\":\"fahrenheit\",\"days\":2}",
          "{\"place\":\"Berlin\",\"unit\":\"fahrenheit\",\"days\":[{\"date\":\"2026-11-21\",\"high\":8,\"low\":2,\"rain\":40},"
          "{\"date\":\"2026-11-22\",\"high\":0,\"low\":-4,\"rain\":0}]}");
    TY_CHECK_TEXT(weather.asked[0], "https://geocoding-api.open-meteo.com/v1/search?name=Berlin%20Mitte&count=1");
    TY_CHECK_TEXT(weather.asked[1],
                  "https://api.open-meteo.com/v1/forecast?latitude=52.52&longitude=13.41"
                  "&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max"
                  "&timezone=UTC&forecast_days=2&temperature_unit=fahrenheit");
    TY_CHECK_TEXT(ty_test_told(test), "progress 1/3 looking for the place\nprogress 2/3 asking for the forecast\n"
                                      "info forecast of 2 days for Berlin\nprogress 3/3 done");
    ty_test_end(test);
}

static void a_kept_place_is_not_looked_up(void) {
    ty_test *test = ty_test_begin();
    service weather = { 200, NULL, TWO_DAYS, { "" }, 0 };
    ty_test_http(test, serve, &weather);
    ty_test_keyvalue(test);
    ty_test_config(test, "api", "http://127.0.0.1:1");
    check(test, "save_place", "{\"name\":\"Home\",\"latitude\":-33,\"longitude\":0.1}", "Saved Home.");
    TY_CHECK_TEXT(ty_test_told(test), "changed resources");
    TY_CHECK_TEXT(ty_test_stored(test, "place.Home"), "{\"latitude\":-33,\"longitude\":0.1}");
    TY_CHECK(ty_test_call(test, "forecast", "{\"place\":\"Home\"}") == TY_OK);
    TY_CHECK(weather.count == 1);
    TY_CHECK(strstr(weather.asked[0], "http://127.0.0.1:1/v1/forecast?latitude=-33&longitude=0.1&daily=") != NULL);
    TY_CHECK(strstr(weather.asked[0], "&forecast_days=3&temperature_unit=celsius") != NULL);
    ty_test_end(test);
}

static void what_goes_wrong_is_said_plainly(void) {
    static const struct {
        int status;
        const char *places, *forecast, *wanted;
        ty_error_kind kind;
    } cases[] = {
        { 200, "{}", TWO_DAYS, "There is no place called X.", TY_FAILED },
        { 200, "{\"results\":[]}", TWO_DAYS, "There is no place called X.", TY_FAILED },
        { 503, BERLIN, TWO_DAYS, "The weather service answered with status 503.", TY_RETRYABLE },
        { 429, BERLIN, TWO_DAYS, "The weather service answered with status 429.", TY_RETRYABLE },
        { 404, BERLIN, TWO_DAYS, "The weather service answered with status 404.", TY_FAILED },
        { 200, NULL, TWO_DAYS, "The weather service cannot be reached.", TY_FAILED },
        { 200, BERLIN, NULL, "The weather service cannot be reached.", TY_FAILED },
        { 200, "<html>", TWO_DAYS, "The weather service gave an answer that is not understood.", TY_FAILED },
        { 200, BERLIN, "{\"daily\":{\"time\":[\"a\"],\"temperature_2m_max\":[],\"temperature_2m_min\":[1],"
                       "\"precipitation_probability_max\":[1]}}",
          "The weather service gave an answer that is not understood.", TY_FAILED },
        { 200, BERLIN, "{\"daily\":{\"time\":[1]}}", "The weather service gave an answer that is not understood.", TY_FAILED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ty_test *test = ty_test_begin();
        service weather = { cases[i].status, cases[i].places, cases[i].forecast, { "" }, 0 };
        ty_test_http(test, serve, &weather);
        check(test, "forecast", "{\"place\":\"X\"}", cases[i].wanted);
        TY_CHECK(ty_test_error(test) == cases[i].kind);
        TY_CHECK(cases[i].kind != TY_RETRYABLE || ty_test_after_ms(test) == 1000);
        ty_test_end(test);
    }
    ty_test *test = ty_test_begin();
    check(test, "forecast", "{\"place\":\"X\"}", "The weather service cannot be reached.");
    TY_CHECK(strstr(ty_test_told(test), "warn ") != NULL);
    ty_test_end(test);
}

static void places_are_kept_and_forgotten(void) {
    ty_test *test = ty_test_begin();
    ty_test_keyvalue(test);
    check(test, "forget_places", "{}", "There is nothing to forget.");
    check(test, "save_place", "{\"name\":\"Rome\",\"latitude\":41.9,\"longitude\":12.5}", "Saved Rome.");
    check(test, "save_place", "{\"name\":\"A/\xC3\xA4 b\",\"latitude\":1,\"longitude\":2}", "Saved A/\xC3\xA4 b.");
    check(test, "places", "{}", "{\"places\":[\"A/\xC3\xA4 b\",\"Rome\"]}");
    ty_test_list(test);
    TY_CHECK_TEXT(ty_test_text(test), "weather://about about\nweather://places/A%2F%C3%A4%20b A/\xC3\xA4 b\nweather://places/Rome Rome");
    ty_test_read(test, "weather://places/A%2F%C3%A4%20b");
    TY_CHECK_TEXT(ty_test_text(test), "{\"latitude\":1,\"longitude\":2}");
    TY_CHECK(ty_test_read(test, "weather://places/Bonn") == TY_NOT_FOUND);
    ty_test_complete_prompt(test, "packing_list", "place", "R");
    TY_CHECK_TEXT(ty_test_text(test), "Rome");
    ty_test_answer(test, "sure", TY_TEST_ACCEPT("{\"forget\":false}"));
    check(test, "forget_places", "{}", "Kept everything.");
    TY_CHECK_TEXT(ty_test_question(test), "Forget 2 places?");
    TY_CHECK_TEXT(ty_test_question_body(test),
                  "{\"type\":\"object\",\"properties\":{\"forget\":{\"description\":\"Whether to forget them.\","
                  "\"type\":\"boolean\"}},\"required\":[\"forget\"]}");
    ty_test_answer(test, "sure", TY_TEST_DECLINE);
    check(test, "forget_places", "{}", "Kept everything.");
    ty_test_answer(test, "sure", TY_TEST_ACCEPT("{\"forget\":true}"));
    check(test, "forget_places", "{}", "Forgot 2 places.");
    TY_CHECK(ty_test_rounds(test) == 2);
    check(test, "places", "{}", "{\"places\":[]}");
    ty_test_end(test);
}

static void without_a_store_it_says_so(void) {
    ty_test *test = ty_test_begin();
    check(test, "places", "{}", "this plugin has no store to keep anything in");
    TY_CHECK(ty_test_list(test) == TY_OK);
    TY_CHECK_TEXT(ty_test_text(test), "weather://about about");
    ty_test_read(test, "weather://about");
    TY_CHECK_TEXT(ty_test_text(test), "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0.");
    ty_test_end(test);
}

static void a_chart_has_all_kinds_of_content(void) {
    ty_test *test = ty_test_begin();
    check(test, "chart", "{\"highs\":[9,-2]}",
          "Highest 9, lowest -2.\nimage image/svg+xml 157 bytes\naudio audio/wav 44 bytes\nlink weather://about about\n"
          "resource weather://chart 9,-2\n");
    ty_test_end(test);
}

static void the_rest_answers(void) {
    ty_test *test = ty_test_begin();
    check(test, "whoami", "{}", "{\"tenant\":\"default\",\"client\":null,\"attempt\":1}");
    ty_test_context(test)->client_name = "a \"client\"";
    ty_test_context(test)->attempt = 2;
    check(test, "whoami", "{}", "{\"tenant\":\"default\",\"client\":\"a \\\"client\\\"\",\"attempt\":2}");
    TY_CHECK(ty_test_call(test, "now", "{}") == TY_OK);
    const char *time_ms = strstr(ty_test_structured(test), "\"time_ms\":");
    TY_CHECK(time_ms && llabs(atoll(time_ms + 10) / 1000 - (long long)time(NULL)) < 10);
    ty_pair given[] = { { "place", "Rome" }, { "days", "5" } };
    ty_test_prompt(test, "packing_list", (ty_pairs){ given, 2 });
    TY_CHECK_TEXT(ty_test_text(test), "What should I pack for 5 days in Rome? Ask the tool forecast for the weather.");
    ty_test_prompt(test, "packing_list", (ty_pairs){ given, 1 });
    TY_CHECK_TEXT(ty_test_text(test), "What should I pack for 3 days in Rome? Ask the tool forecast for the weather.");
    ty_test_end(test);
}

int main(void) {
    temperatures_are_converted();
    a_forecast_is_fetched();
    a_kept_place_is_not_looked_up();
    what_goes_wrong_is_said_plainly();
    places_are_kept_and_forgotten();
    without_a_store_it_says_so();
    a_chart_has_all_kinds_of_content();
    the_rest_answers();
    return ty_test_failures();
}
