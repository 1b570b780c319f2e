/* Weather forecasts of Open-Meteo: the same plugin that stands beside it in the other languages. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "toolyard.h"

static const char API[] = "https://api.open-meteo.com";
static const char GEOCODING[] = "https://geocoding-api.open-meteo.com";
static const char PLACES[] = "place.";

#define UNITS(CHOICE)                \
    CHOICE(CELSIUS, "celsius")       \
    CHOICE(FAHRENHEIT, "fahrenheit") \
    CHOICE(KELVIN, "kelvin")
TY_ENUM(unit, UNITS)

/* What the weather service knows. */
#define SCALES(CHOICE)                 \
    CHOICE(IN_CELSIUS, "celsius")      \
    CHOICE(IN_FAHRENHEIT, "fahrenheit")
TY_ENUM(scale, SCALES)

/* Halves go up. */
static int64_t rounded(double value) {
    return (int64_t)floor(value + 0.5);
}

#define CONVERTED(FIELD)                                      \
    FIELD(INTEGER, value, "The converted temperature.")       \
    FIELD(ENUM(unit), unit, "Its unit.")
TY_RECORD(converted, CONVERTED)

#define CONVERT_ARGS(FIELD)                                                   \
    FIELD(INTEGER, value, "The temperature.", TY_RANGE(-1000000, 1000000))    \
    FIELD(ENUM(unit), from, "Its unit.")                                      \
    FIELD(ENUM(unit), to, "The unit wanted.")

static double to_celsius(double value, unit from) {
    switch (from) {
    case CELSIUS:
        return value;
    case FAHRENHEIT:
        return (value - 32) * 5 / 9;
    case KELVIN:
        return value - 273.15;
    }
    abort();
}

static double from_celsius(double celsius, unit to) {
    switch (to) {
    case CELSIUS:
        return celsius;
    case FAHRENHEIT:
        return celsius * 9 / 5 + 32;
    case KELVIN:
        return celsius + 273.15;
    }
    abort();
}

TY_TOOL(convert, CONVERT_ARGS, "Converts a temperature from one unit to another.", .title = "Convert a temperature",
        .hints = TY_READ_ONLY | TY_IDEMPOTENT | TY_CLOSED_WORLD, .returns = converted_type) {
    double celsius = to_celsius((double)args->value, args->from);
    if (from_celsius(celsius, KELVIN) < 0) return ty_failed(call, "That is below absolute zero.");
    return TY_RETURN(call, converted, .value = rounded(from_celsius(celsius, args->to)), .unit = args->to);
}

/* A place, as it is kept and as the service knows it. */
#define COORDINATES(FIELD)                               \
    FIELD(NUMBER, latitude, "Degrees north.")            \
    FIELD(NUMBER, longitude, "Degrees east.")
TY_RECORD(coordinates, COORDINATES)

#define FOUND(FIELD)                                     \
    FIELD(STRING, name, "What the service calls it.")    \
    FIELD(NUMBER, latitude, "Degrees north.")            \
    FIELD(NUMBER, longitude, "Degrees east.")
TY_RECORD(found, FOUND)

#define SEARCH(FIELD) FIELD(OPTIONAL(LIST(RECORD(found))), results, "Those that fit, the best first.")
TY_RECORD(search, SEARCH)

#define DAILY(FIELD)                                                                   \
    FIELD(LIST(STRING), time, "The dates.")                                            \
    FIELD(LIST(NUMBER), highs, "", .key = "temperature_2m_max")                        \
    FIELD(LIST(NUMBER), lows, "", .key = "temperature_2m_min")                         \
    FIELD(LIST(OPTIONAL(NUMBER)), rain, "", .key = "precipitation_probability_max")
TY_RECORD(daily, DAILY)

#define ANSWER(FIELD) FIELD(RECORD(daily), daily, "A day each.")
TY_RECORD(answer, ANSWER)

#define DAY(FIELD)                                              \
    FIELD(STRING, date, "The date, as YYYY-MM-DD.")             \
    FIELD(INTEGER, high, "The highest temperature.")            \
    FIELD(INTEGER, low, "The lowest temperature.")              \
    FIELD(INTEGER, rain, "How likely rain is, in percent.")
TY_RECORD(day, DAY)

#define WEATHER(FIELD)                                                \
    FIELD(STRING, place, "The place that was found.")                 \
    FIELD(ENUM(scale), unit, "The unit of the temperatures.")         \
    FIELD(LIST(RECORD(day)), days, "A day each.")
TY_RECORD(weather, WEATHER)

#define FORECAST_ARGS(FIELD)                                                               \
    FIELD(STRING, place, "The name of a city.", TY_LENGTH_MIN(1))                          \
    FIELD(INTEGER, days, "How many days.", TY_RANGE(1, 7), TY_DEFAULT(3))                  \
    FIELD(ENUM(scale), unit, "The unit of the temperatures.", TY_DEFAULT("celsius"))

static ty_status not_understood(ty_call *call) {
    ty_log(call, TY_WARN, "the weather service's answer: %s", ty_why(call));
    return ty_failed(call, "The weather service gave an answer that is not understood.");
}

/* Asks the service, and reads its answer into a record. */
static ty_status ask_service(ty_call *call, const char *url, ty_type_of type, void *value) {
    ty_response response;
    if (TY_FETCH(call, &response, .url = url, TY_HEADERS({ "Accept", "application/json" })) != TY_OK) {
        bool has_answered = response.failure == TY_HTTP_TOO_LARGE || response.failure == TY_HTTP_BROKEN;
        if (has_answered) return not_understood(call);
        ty_log(call, TY_WARN, "the weather service cannot be reached: %s", ty_why(call));
        return ty_failed(call, "The weather service cannot be reached.");
    }
    if (response.status >= 500 || response.status == 429) {
        return ty_retryable(call, 1000, "The weather service answered with status %d.", response.status);
    }
    if (response.status != 200) return ty_failed(call, "The weather service answered with status %d.", response.status);
    return ty_decode_text(call, type, response.body, value) == TY_OK ? TY_OK : not_understood(call);
}

static ty_status find_place(ty_call *call, const char *name, found *place) {
    ty_bytes kept;
    /* Without a store, nothing is kept. */
    bool is_kept = ty_kv_get(call, ty_format(call, "%s%s", PLACES, name), &kept) == TY_OK && kept.data;
    if (is_kept) {
        coordinates at;
        TY_TRY(ty_decode_text(call, coordinates_type, kept, &at));
        *place = (found){ .name = name, .latitude = at.latitude, .longitude = at.longitude };
        return TY_OK;
    }
    search results;
    const char *url = ty_format(call, "%s/v1/search?name=%s&count=1", ty_config_or(call, "geocoding", GEOCODING),
                                ty_url_encode(call, name));
    TY_TRY(ask_service(call, url, search_type, &results));
    if (!results.results.is_set || results.results.value.count == 0) {
        return ty_failed(call, "There is no place called %s.", name);
    }
    *place = results.results.value.items[0];
    return TY_OK;
}

TY_TOOL(forecast, FORECAST_ARGS, "Gives the weather of the coming days at a place.", .hints = TY_READ_ONLY | TY_OPEN_WORLD,
        .returns = weather_type) {
    found place;
    answer service;
    ty_progress(call, 1, 3, "looking for the place");
    TY_TRY(find_place(call, args->place, &place));
    ty_progress(call, 2, 3, "asking for the forecast");
    const char *url = ty_format(
        call,
        "%s/v1/forecast?latitude=%s&longitude=%s"
        "&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max"
        "&timezone=UTC&forecast_days=%d&temperature_unit=%s",
        ty_config_or(call, "api", API), ty_number_text(call, place.latitude), ty_number_text(call, place.longitude),
        (int)args->days, TY_TEXT_OF(scale, args->unit));
    TY_TRY(ask_service(call, url, answer_type, &service));
    daily *in = &service.daily;
    size_t count = in->time.count;
    if (in->highs.count != count || in->lows.count != count || in->rain.count != count) return not_understood(call);
    day *days = TY_NEW(call, day, count);
    for (size_t i = 0; i < count; i++) {
        days[i] = (day){
            .date = in->time.items[i],
            .high = rounded(in->highs.items[i]),
            .low = rounded(in->lows.items[i]),
            .rain = in->rain.items[i].is_set ? rounded(in->rain.items[i].value) : 0,
        };
    }
    ty_log(call, TY_INFO, "forecast of %d days for %s", (int)args->days, place.name);
    ty_progress(call, 3, 3, "done");
    return TY_RETURN(call, weather, .place = place.name, .unit = args->unit, .days = { days, count });
}

#define SAVE_PLACE_ARGS(FIELD)                                          \
    FIELD(STRING, name, "What to call it.", TY_LENGTH(1, 50))           \
    FIELD(NUMBER, latitude, "Degrees north.", TY_RANGE(-90, 90))        \
    FIELD(NUMBER, longitude, "Degrees east.", TY_RANGE(-180, 180))

TY_TOOL(save_place, SAVE_PLACE_ARGS, "Keeps a place under a name.",
        .hints = TY_IDEMPOTENT | TY_NOT_DESTRUCTIVE | TY_CLOSED_WORLD) {
    coordinates at = { .latitude = args->latitude, .longitude = args->longitude };
    const char *json = ty_encode_text(call, coordinates_type, &at);
    TY_TRY(ty_kv_set_text(call, ty_format(call, "%s%s", PLACES, args->name), json));
    ty_list_changed(call, TY_LIST_OF_RESOURCES);
    return ty_text(call, "Saved %s.", args->name);
}

/* The names of the places that are kept and begin like this, sorted. */
static ty_status kept_places(ty_call *call, const char *beginning, ty_texts *names) {
    ty_texts keys;
    TY_TRY(ty_kv_keys(call, ty_format(call, "%s%s", PLACES, beginning), &keys));
    const char **all = TY_NEW(call, const char *, keys.count);
    for (size_t i = 0; i < keys.count; i++) all[i] = keys.items[i] + strlen(PLACES);
    ty_sort(all, keys.count);
    *names = (ty_texts){ all, keys.count };
    return TY_OK;
}

#define PLACE_LIST(FIELD) FIELD(LIST(STRING), places, "Their names.")
TY_RECORD(place_list, PLACE_LIST)

TY_TOOL(places, TY_NO_ARGS, "Lists the places that were kept.", .hints = TY_READ_ONLY | TY_CLOSED_WORLD,
        .returns = place_list_type) {
    ty_texts names;
    TY_TRY(kept_places(call, "", &names));
    return TY_RETURN(call, place_list, .places = { names.items, names.count });
}

#define SURE(FIELD) FIELD(BOOLEAN, forget, "Whether to forget them.")
TY_RECORD(sure, SURE)

TY_TOOL(forget_places, TY_NO_ARGS, "Forgets all places that were kept, if the user agrees.",
        .hints = TY_DESTRUCTIVE | TY_CLOSED_WORLD) {
    ty_texts names;
    sure answer;
    ty_action action;
    TY_TRY(kept_places(call, "", &names));
    if (names.count == 0) return ty_text(call, "There is nothing to forget.");
    TY_TRY(ty_ask_form(call, "sure", sure_type, &answer, &action, "Forget %zu places?", names.count));
    if (action != TY_ACCEPTED || !answer.forget) return ty_text(call, "Kept everything.");
    const char **keys = TY_NEW(call, const char *, names.count);
    for (size_t i = 0; i < names.count; i++) keys[i] = ty_format(call, "%s%s", PLACES, names.items[i]);
    TY_TRY(ty_kv_delete_many(call, (ty_texts){ keys, names.count }));
    ty_list_changed(call, TY_LIST_OF_RESOURCES);
    return ty_text(call, "Forgot %zu places.", names.count);
}

/* An empty WAV file: mono, 8 bits, 8000 Hz. */
static const unsigned char SILENCE[] = "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1F\0\0\x40\x1F\0\0\1\0\10\0data\0\0\0";

#define CHART_ARGS(FIELD) FIELD(LIST(INTEGER), highs, "The temperatures.", TY_ITEMS(1, 14), TY_RANGE(-60, 60))

TY_TOOL(chart, CHART_ARGS, "Draws temperatures as bars.", .hints = TY_READ_ONLY | TY_IDEMPOTENT | TY_CLOSED_WORLD) {
    int64_t highest = args->highs.items[0], lowest = highest;
    const char *bars = "", *row = "";
    for (size_t i = 0; i < args->highs.count; i++) {
        int value = (int)args->highs.items[i];
        if (value > highest) highest = value;
        if (value < lowest) lowest = value;
        bars = ty_format(call, "%s<rect x=\"%zu\" y=\"%d\" width=\"18\" height=\"%d\"/>", bars, 20 * i, 60 - value, value + 60);
        row = ty_format(call, "%s%s%d", row, i ? "," : "", value);
    }
    ty_text(call, "Highest %d, lowest %d.", (int)highest, (int)lowest);
    TY_ANNOTATE(call, .audience = TY_FOR_USER, .priority = TY_IS(0.5));
    const char *svg = ty_format(call, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"120\">%s</svg>",
                                20 * args->highs.count, bars);
    ty_image(call, svg, strlen(svg), "image/svg+xml");
    ty_audio(call, SILENCE, sizeof SILENCE, "audio/wav");
    TY_LINK(call, .uri = "weather://about", .name = "about", .mime_type = "text/plain");
    return TY_EMBED(call, .uri = "weather://chart", .mime_type = "text/csv", .text = ty_format(call, "%s\n", row));
}

#define MOMENT(FIELD)                                                \
    FIELD(INTEGER, random, "A random number.")                       \
    FIELD(INTEGER, time_ms, "Milliseconds since 1970.")
TY_RECORD(moment, MOMENT)

TY_TOOL(now, TY_NO_ARGS, "Gives a random number and the time.", .hints = TY_CLOSED_WORLD, .returns = moment_type) {
    struct timespec time;
    if (timespec_get(&time, TIME_UTC) != TIME_UTC) return ty_failed(call, "There is no clock.");
    int64_t time_ms = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
    return TY_RETURN(call, moment, .random = rand(), .time_ms = time_ms);
}

#define CALLER(FIELD)                                                \
    FIELD(STRING, tenant, "The tenant.")                             \
    FIELD(NULLABLE(STRING), client, "The client's name.")            \
    FIELD(INTEGER, attempt, "How often it was tried.")
TY_RECORD(caller, CALLER)

TY_TOOL(whoami, TY_NO_ARGS, "Says who is calling.", .hints = TY_READ_ONLY | TY_CLOSED_WORLD, .returns = caller_type) {
    const char *client = call->context->client_name;
    return TY_RETURN(call, caller, .tenant = call->context->tenant, .client = { client != NULL, client },
                     .attempt = call->context->attempt);
}

TY_TOOL(crash, TY_NO_ARGS, "Fails in a way that nobody thought of.") {
    static const int known[] = { 1, 2, 3 };
    volatile size_t index = sizeof known;
    return ty_text(call, "%d", known[index]);
}

TY_RESOURCE(about, "weather://about", "Where the forecasts come from.", .mime_type = "text/plain") {
    return TY_GIVE(call, .text = "Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0.");
}

TY_RESOURCE(place, "weather://places/{name}", "A place that was kept.", .mime_type = "application/json") {
    ty_bytes kept;
    TY_TRY(ty_kv_get(call, ty_format(call, "%s%s", PLACES, ty_variable(call, "name")), &kept));
    return kept.data ? TY_GIVE(call, .text = kept.data) : TY_NOT_FOUND;
}

TY_RESOURCE_LIST(kept) {
    ty_texts names;
    /* Without a store, what does not need one is still there. */
    if (kept_places(call, "", &names) != TY_OK) return TY_OK;
    for (size_t i = 0; i < names.count; i++) {
        TY_ENTRY(call, .uri = ty_format(call, "weather://places/%s", ty_url_encode(call, names.items[i])),
                 .name = names.items[i], .mime_type = "application/json");
    }
    return TY_OK;
}

#define PACKING_LIST_ARGS(FIELD)                                       \
    FIELD(STRING, place, "Where to.")                                  \
    FIELD(STRING, days, "How many days.", TY_DEFAULT("3"))

TY_PROMPT(packing_list, PACKING_LIST_ARGS, "What to pack for a trip.") {
    return ty_text(call, "What should I pack for %s days in %s? Ask the tool forecast for the weather.", args->days, args->place);
}

TY_COMPLETE(place, .prompt = "packing_list", .argument = "place") {
    ty_texts names;
    TY_TRY(kept_places(call, value, &names));
    for (size_t i = 0; i < names.count; i++) ty_suggest(call, names.items[i]);
    return TY_OK;
}

TY_PLUGIN {
    .tools = TY_TOOLS(&convert_tool, &forecast_tool, &save_place_tool, &places_tool, &forget_places_tool, &chart_tool,
                      &now_tool, &whoami_tool, &crash_tool),
    .resources = TY_RESOURCES(&about_resource, &place_resource),
    .list = kept_list,
    .prefixes = TY_TEXTS("weather://"),
    .prompts = TY_PROMPTS(&packing_list_prompt),
    .completions = TY_COMPLETIONS(&place_completion),
};
