/* Settings, the store, and time, on top of what the host gives. */
#include <string.h>
#include <time.h>

#include "internal.h"

const char *ty_config(ty_call *call, const char *key) {
    return ty_host_config(call, key);
}

const char *ty_config_or(ty_call *call, const char *key, const char *fallback) {
    const char *value = ty_host_config(call, key);
    return value ? value : fallback;
}

ty_pairs ty_config_all(ty_call *call) {
    return ty_host_config_all(call);
}

static ty_status unusable(ty_call *call, const char *key, const char *what) {
    return ty_failed(call, "the operator's setting `%s` cannot be used: it is %s", key, what);
}

/* The setting as JSON, which numbers and truths are; NULL if it is none. */
static const ty_json *setting(ty_call *call, const char *text) {
    const ty_json *json = NULL;
    return ty_json_read(call, ty_bytes_of(text), &json) == TY_OK ? json : NULL;
}

ty_status ty_config_integer(ty_call *call, const char *key, int64_t fallback, int64_t *value) {
    const char *text = ty_host_config(call, key);
    *value = fallback;
    return !text || ty_json_integer(setting(call, text), value) ? TY_OK : unusable(call, key, "no integer");
}

ty_status ty_config_number(ty_call *call, const char *key, double fallback, double *value) {
    const char *text = ty_host_config(call, key);
    *value = fallback;
    return !text || ty_json_number(setting(call, text), value) ? TY_OK : unusable(call, key, "no number");
}

ty_status ty_config_boolean(ty_call *call, const char *key, bool fallback, bool *value) {
    const char *text = ty_host_config(call, key);
    *value = fallback;
    return !text || ty_json_boolean(setting(call, text), value) ? TY_OK : unusable(call, key, "neither `true` nor `false`");
}

uint64_t ty_time_left_ms(const ty_call *call) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, end = call->context->deadline_ms;
    return end > now_ms ? end - now_ms : 0;
}

ty_status ty_kv_get(ty_call *call, const char *key, ty_bytes *value) {
    return ty_host_get(call, (ty_texts){ &key, 1 }, value);
}

ty_status ty_kv_set(ty_call *call, const char *key, const void *data, size_t length) {
    return ty_host_set(call, &(ty_item){ key, { data, length } }, 1);
}

ty_status ty_kv_set_text(ty_call *call, const char *key, const char *text) {
    return ty_kv_set(call, key, text, strlen(text));
}

ty_status ty_kv_delete(ty_call *call, const char *key) {
    return ty_host_delete(call, (ty_texts){ &key, 1 });
}

ty_status ty_kv_exists(ty_call *call, const char *key, bool *exists) {
    return ty_host_exists(call, key, exists);
}

ty_status ty_kv_keys(ty_call *call, const char *beginning, ty_texts *keys) {
    ty_list all = { 0 };
    const char *cursor = NULL;
    do {
        ty_texts part;
        TY_TRY(ty_host_keys(call, &cursor, &part));
        for (size_t i = 0; i < part.count; i++) {
            if (ty_begins(part.items[i], beginning)) *(const char **)ty_push(call, &all, sizeof(char *)) = part.items[i];
        }
    } while (cursor);
    *keys = (ty_texts){ all.items, all.count };
    return TY_OK;
}

ty_status ty_kv_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum) {
    int64_t unwanted;
    return ty_host_increment(call, key, delta, sum ? sum : &unwanted);
}

/* Each time somebody else's got through, so only a key that many write at once comes near. */
enum { UPDATES_MAX = 1000 };

ty_status ty_kv_update(ty_call *call, const char *key, ty_change *change, void *own) {
    ty_watch watch;
    TY_TRY(ty_host_watch(call, key, &watch));
    for (int i = 0; i < UPDATES_MAX; i++) {
        ty_bytes value = { "", 0 };
        bool swapped;
        TY_TRY(change(call, watch.value, &value, own));
        TY_TRY(ty_host_swap(call, &watch, value, &swapped));
        if (swapped) return TY_OK;
    }
    return ty_retryable(call, -1, "Too many write `%s` at once; try again.", key);
}

ty_status ty_kv_get_many(ty_call *call, ty_texts keys, ty_bytes *values) {
    return ty_host_get(call, keys, values);
}

ty_status ty_kv_set_many(ty_call *call, const ty_item *items, size_t count) {
    return ty_host_set(call, items, count);
}

ty_status ty_kv_delete_many(ty_call *call, ty_texts keys) {
    return ty_host_delete(call, keys);
}
