/* The host's imports. What a plugin does not use, the linker leaves out, and the component then does not import it. */
#ifdef __wasm__
#include "wasm.h"

void ty_host_log(ty_call *call, ty_level level, const char *context, const char *message) {
    guest_string_t from = ty_wire(call, context), text = ty_wire(call, message);
    wasi_logging_logging_log((wasi_logging_logging_level_t)level, &from, &text);
}

void ty_host_progress(ty_call *call, double done, double total, const char *message) {
    guest_string_t text = ty_wire(call, message);
    toolyard_plugin_progress_report(done, total < 0 ? NULL : &total, &text);
}

void ty_host_list_changed(ty_call *call, ty_listing what) {
    (void)call;
    toolyard_plugin_changes_list_changed((toolyard_plugin_changes_listing_t)what);
}

void ty_host_resource_updated(ty_call *call, const char *uri) {
    guest_string_t text = ty_wire(call, uri);
    toolyard_plugin_changes_resource_updated(&text);
}

/* The interface allows for errors of the place that settings come from. They leave a plugin with its defaults. */
const char *ty_host_config(ty_call *call, const char *key) {
    guest_string_t name = ty_wire(call, key);
    guest_option_string_t value;
    wasi_config_store_error_t error;
    return wasi_config_store_get(&name, &value, &error) ? ty_from_option(call, value) : NULL;
}

ty_pairs ty_host_config_all(ty_call *call) {
    guest_list_tuple2_string_string_t all;
    wasi_config_store_error_t error;
    if (!wasi_config_store_get_all(&all, &error)) return (ty_pairs){ NULL, 0 };
    return ty_pairs_from_wire(call, all);
}

static ty_status refused(ty_call *call, const wasi_keyvalue_store_error_t *error) {
    switch (error->tag) {
    case WASI_KEYVALUE_STORE_ERROR_ACCESS_DENIED:
        return ty_failed(call, "this plugin has no store to keep anything in");
    case WASI_KEYVALUE_STORE_ERROR_NO_SUCH_STORE:
        return ty_failed(call, "there is no store of that name");
    default:
        return ty_failed(call, "the store refused: %s", ty_from_wire(call, error->val.other));
    }
}

/* The one store that every granted plugin has. It is closed with the instance. */
static ty_status open_store(ty_call *call, wasi_keyvalue_store_borrow_bucket_t *bucket) {
    static wasi_keyvalue_store_own_bucket_t opened;
    static bool is_open;
    guest_string_t name = ty_wire(call, "default");
    wasi_keyvalue_store_error_t error;
    if (!is_open && !wasi_keyvalue_store_open(&name, &opened, &error)) return refused(call, &error);
    is_open = true;
    bucket->__handle = opened.__handle;
    return TY_OK;
}

/* NULL data says that there is nothing, so what is there and empty has some. */
static ty_bytes from_data(ty_call *call, guest_list_u8_t data) {
    return ty_copy(call, data.ptr, data.len);
}

ty_status ty_host_get(ty_call *call, ty_texts keys, ty_bytes *values) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    guest_list_string_t names = ty_wire_texts(call, keys);
    TY_TRY(open_store(call, &bucket));
    if (keys.count == 1) {
        guest_option_list_u8_t value;
        if (!wasi_keyvalue_store_method_bucket_get(bucket, names.ptr, &value, &error)) return refused(call, &error);
        *values = value.is_some ? from_data(call, value.val) : (ty_bytes){ NULL, 0 };
        return TY_OK;
    }
    guest_list_option_tuple2_string_list_u8_t all;
    if (!wasi_keyvalue_batch_get_many(bucket, &names, &all, &error)) return refused(call, &error);
    for (size_t i = 0; i < keys.count; i++) {
        bool is_there = i < all.len && all.ptr[i].is_some;
        values[i] = is_there ? from_data(call, all.ptr[i].val.f1) : (ty_bytes){ NULL, 0 };
    }
    return TY_OK;
}

ty_status ty_host_set(ty_call *call, const ty_item *items, size_t count) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    TY_TRY(open_store(call, &bucket));
    guest_tuple2_string_list_u8_t *pairs = TY_NEW(call, guest_tuple2_string_list_u8_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        pairs[i].f0 = ty_wire(call, items[i].key);
        pairs[i].f1 = ty_wire_data(items[i].value);
    }
    guest_list_tuple2_string_list_u8_t all = { pairs, count };
    bool is_set = count == 1 ? wasi_keyvalue_store_method_bucket_set(bucket, &pairs[0].f0, &pairs[0].f1, &error)
                             : wasi_keyvalue_batch_set_many(bucket, &all, &error);
    return is_set ? TY_OK : refused(call, &error);
}

ty_status ty_host_delete(ty_call *call, ty_texts keys) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    guest_list_string_t names = ty_wire_texts(call, keys);
    TY_TRY(open_store(call, &bucket));
    bool is_done = keys.count == 1 ? wasi_keyvalue_store_method_bucket_delete(bucket, names.ptr, &error)
                                   : wasi_keyvalue_batch_delete_many(bucket, &names, &error);
    return is_done ? TY_OK : refused(call, &error);
}

ty_status ty_host_exists(ty_call *call, const char *key, bool *exists) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    guest_string_t name = ty_wire(call, key);
    TY_TRY(open_store(call, &bucket));
    return wasi_keyvalue_store_method_bucket_exists(bucket, &name, exists, &error) ? TY_OK : refused(call, &error);
}

ty_status ty_host_keys(ty_call *call, const char **cursor, ty_texts *keys) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    wasi_keyvalue_store_key_response_t part;
    guest_string_t from = ty_wire(call, *cursor);
    TY_TRY(open_store(call, &bucket));
    if (!wasi_keyvalue_store_method_bucket_list_keys(bucket, *cursor ? &from : NULL, &part, &error)) {
        return refused(call, &error);
    }
    *keys = ty_texts_from_wire(call, part.keys);
    *cursor = ty_from_option(call, part.cursor);
    return TY_OK;
}

ty_status ty_host_increment(ty_call *call, const char *key, int64_t delta, int64_t *sum) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    guest_string_t name = ty_wire(call, key);
    TY_TRY(open_store(call, &bucket));
    return wasi_keyvalue_atomics_increment(bucket, &name, delta, sum, &error) ? TY_OK : refused(call, &error);
}

/* Reads what the handle holds. */
static ty_status set_watch(ty_call *call, wasi_keyvalue_atomics_own_cas_t cas, ty_watch *watch) {
    guest_option_list_u8_t value;
    wasi_keyvalue_store_error_t error;
    watch->handle = cas.__handle;
    wasi_keyvalue_atomics_borrow_cas_t borrowed = { cas.__handle };
    if (!wasi_keyvalue_atomics_method_cas_current(borrowed, &value, &error)) return refused(call, &error);
    watch->value = value.is_some ? from_data(call, value.val) : (ty_bytes){ NULL, 0 };
    return TY_OK;
}

ty_status ty_host_watch(ty_call *call, const char *key, ty_watch *watch) {
    wasi_keyvalue_store_borrow_bucket_t bucket;
    wasi_keyvalue_store_error_t error;
    wasi_keyvalue_atomics_own_cas_t cas;
    guest_string_t name = ty_wire(call, key);
    TY_TRY(open_store(call, &bucket));
    watch->key = key;
    if (!wasi_keyvalue_atomics_static_cas_new(bucket, &name, &cas, &error)) return refused(call, &error);
    return set_watch(call, cas, watch);
}

ty_status ty_host_swap(ty_call *call, ty_watch *watch, ty_bytes value, bool *swapped) {
    wasi_keyvalue_atomics_cas_error_t error;
    wasi_keyvalue_atomics_own_cas_t cas = { watch->handle };
    guest_list_u8_t data = ty_wire_data(value);
    *swapped = wasi_keyvalue_atomics_swap(cas, &data, &error);
    if (*swapped) return TY_OK;
    if (error.tag == WASI_KEYVALUE_ATOMICS_CAS_ERROR_STORE_ERROR) return refused(call, &error.val.store_error);
    return set_watch(call, error.val.cas_failed, watch);
}
#endif
