/* The host of native tests: the imports of a component, as the test grants them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakes.h"

ty_test *ty_current_test;

/* Small, so that tests of plugins see more than one part. */
enum { KEYS_IN_A_PART = 10 };

static void tell(const char *line) {
    ty_test *test = ty_current_test;
    test->told = *test->told ? ty_format(test->own, "%s\n%s", test->told, line) : line;
}

void ty_host_log(ty_call *call, ty_level level, const char *context, const char *message) {
    static const char *const names[] = { "trace", "debug", "info", "warn", "error", "critical" };
    (void)call, (void)context;
    tell(ty_format(ty_current_test->own, "%s %s", names[level], message));
}

void ty_host_progress(ty_call *call, double done, double total, const char *message) {
    const char *of = total < 0 ? "" : ty_format(call, "/%s", ty_number_text(call, total));
    tell(ty_format(ty_current_test->own, "progress %s%s %s", ty_number_text(call, done), of, message));
}

void ty_host_list_changed(ty_call *call, ty_listing what) {
    static const char *const names[] = { "tools", "prompts", "resources" };
    (void)call;
    tell(ty_format(ty_current_test->own, "changed %s", names[what]));
}

void ty_host_resource_updated(ty_call *call, const char *uri) {
    (void)call;
    tell(ty_format(ty_current_test->own, "updated %s", uri));
}

const char *ty_host_config(ty_call *call, const char *key) {
    return ty_find_pair(ty_host_config_all(call), key);
}

ty_pairs ty_host_config_all(ty_call *call) {
    (void)call;
    return (ty_pairs){ ty_current_test->config.items, ty_current_test->config.count };
}

uint64_t ty_host_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

ty_http_failure ty_host_fetch(ty_call *call, const ty_request *request, const ty_url *url, ty_response *response) {
    (void)url;
    ty_test *test = ty_current_test;
    if (!test->server) return TY_HTTP_DENIED;
    ty_http_failure failure = test->server(call, request, response, test->server_own);
    if (!failure && response->body.length > request->response_bytes_max) failure = TY_HTTP_TOO_LARGE;
    if (!failure && !response->body.data) response->body = ty_bytes_of("");
    return failure;
}

/* The place of `key`, or where it belongs. */
static size_t place_of(const char *key, bool *is_there) {
    const ty_list *stored = &ty_current_test->stored;
    for (size_t i = 0; i < stored->count; i++) {
        int order = strcmp(((ty_item *)stored->items)[i].key, key);
        *is_there = order == 0;
        if (order >= 0) return i;
    }
    *is_there = false;
    return stored->count;
}

static const ty_item *find(const char *key) {
    bool is_there;
    size_t place = place_of(key, &is_there);
    return is_there ? (ty_item *)ty_current_test->stored.items + place : NULL;
}

const char *ty_test_stored(ty_test *test, const char *key) {
    (void)test;
    const ty_item *item = find(key);
    return item ? item->value.data : NULL;
}

static void put(const char *key, ty_bytes value) {
    ty_test *test = ty_current_test;
    bool is_there;
    size_t place = place_of(key, &is_there);
    /* Of its own, so that a plugin that reads beyond the end is caught. */
    char *copy = malloc(value.length + 1);
    if (!copy) abort();
    if (value.length) memcpy(copy, value.data, value.length);
    copy[value.length] = 0;
    if (!is_there) {
        ty_push(test->own, &test->stored, sizeof(ty_item));
        ty_item *items = test->stored.items;
        memmove(items + place + 1, items + place, (test->stored.count - 1 - place) * sizeof *items);
        items[place] = (ty_item){ ty_copy(test->own, key, strlen(key)).data, { NULL, 0 } };
    }
    ty_item *item = (ty_item *)test->stored.items + place;
    free((void *)item->value.data);
    item->value = (ty_bytes){ copy, value.length };
}

static ty_status check_store(ty_call *call) {
    return ty_current_test->has_store ? TY_OK : ty_failed(call, "this plugin has no store to keep anything in");
}

static ty_bytes read(ty_call *call, const char *key) {
    const ty_item *item = find(key);
    return item ? ty_copy(call, item->value.data, item->value.length) : (ty_bytes){ NULL, 0 };
}

ty_status ty_host_get(ty_call *call, ty_texts keys, ty_bytes *values) {
    TY_TRY(check_store(call));
    for (size_t i = 0; i < keys.count; i++) values[i] = read(call, keys.items[i]);
    return TY_OK;
}

ty_status ty_host_set(ty_call *call, const ty_item *items, size_t count) {
    TY_TRY(check_store(call));
    for (size_t i = 0; i < count; i++) put(items[i].key, items[i].value);
    return TY_OK;
}

ty_status ty_host_delete(ty_call *call, ty_texts keys) {
    TY_TRY(check_store(call));
    ty_list *stored = &ty_current_test->stored;
    for (size_t i = 0; i < keys.count; i++) {
        bool is_there;
        size_t place = place_of(keys.items[i], &is_there);
        if (!is_there) continue;
        ty_item *item = (ty_item *)stored->items + place;
        free((void *)item->value.data);
        memmove(item, item + 1, (--stored->count - place) * sizeof *item);
    }
    return TY_OK;
}

ty_status ty_host_exists(ty_call *call, const char *key, bool *exists) {
    TY_TRY(check_store(call));
    *exists = find(key) != NULL;
    return TY_OK;
}

ty_status ty_host_keys(ty_call *call, const char **cursor, ty_texts *keys) {
    TY_TRY(check_store(call));
    const ty_list *stored = &ty_current_test->stored;
    const char **part = TY_NEW(call, const char *, KEYS_IN_A_PART);
    size_t count = 0, i = 0;
    for (; i < stored->count && count < KEYS_IN_A_PART; i++) {
        const char *key = ((ty_item *)stored->items)[i].key;
        if (!*cursor || strcmp(key, *cursor) > 0) part[count++] = key;
    }
    *keys = (ty_texts){ part, count };
    *cursor = i < stored->count ? part[count - 1] : NULL;
    return TY_OK;
}

ty_status ty_host_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum) {
    TY_TRY(check_store(call));
    ty_bytes old = read(call, key);
    char *end = NULL;
    errno = 0;
    int64_t number = old.data ? strtoll(old.data, &end, 10) : 0;
    bool is_number = !old.data || (old.length && !*end && errno == 0);
    if (!is_number || __builtin_add_overflow(number, delta, sum)) {
        return ty_failed(call, "the store refused: the value is no number, or the sum is too large");
    }
    put(key, ty_bytes_of(ty_format(call, "%lld", (long long)*sum)));
    return TY_OK;
}

ty_status ty_host_watch(ty_call *call, const char *key, ty_watch *watch) {
    TY_TRY(check_store(call));
    *watch = (ty_watch){ key, read(call, key), 0 };
    return TY_OK;
}

ty_status ty_host_swap(ty_call *call, ty_watch *watch, ty_bytes value, bool *swapped) {
    ty_bytes now = read(call, watch->key);
    bool both = now.data && watch->value.data;
    *swapped = both ? now.length == watch->value.length && memcmp(now.data, watch->value.data, now.length) == 0
                    : now.data == watch->value.data;
    if (*swapped) put(watch->key, value);
    else watch->value = now;
    return TY_OK;
}
