/* Between C's strings and those of the bindings. */
#ifndef TOOLYARD_WASM_H
#define TOOLYARD_WASM_H

#include "../generated/guest.h"
#include "internal.h"

/* Strings cross in UTF-8, and one that is not would end the call. */
static inline guest_string_t ty_wire_bytes(ty_call *call, ty_bytes text) {
    text = ty_clean(call, text);
    return (guest_string_t){ (uint8_t *)text.data, text.length };
}

static inline guest_string_t ty_wire(ty_call *call, const char *text) {
    return ty_wire_bytes(call, ty_bytes_of(text));
}

static inline guest_list_u8_t ty_wire_data(ty_bytes data) {
    return (guest_list_u8_t){ (uint8_t *)data.data, data.length };
}

static inline const char *ty_from_wire(ty_call *call, guest_string_t text) {
    return ty_copy(call, text.ptr, text.len).data;
}

static inline const char *ty_from_option(ty_call *call, guest_option_string_t text) {
    return text.is_some ? ty_from_wire(call, text.val) : NULL;
}

/* For the options of text and JSON, which are a type each. */
#define TY_SET_OPTION(call, target, text)               \
    do {                                                \
        const char *ty_text_ = (text);                  \
        (target).is_some = ty_text_ != NULL;            \
        if (ty_text_) (target).val = ty_wire((call), ty_text_); \
    } while (0)

static inline ty_texts ty_texts_from_wire(ty_call *call, guest_list_string_t list) {
    const char **items = TY_NEW(call, const char *, list.len + 1);
    for (size_t i = 0; i < list.len; i++) items[i] = ty_from_wire(call, list.ptr[i]);
    return (ty_texts){ items, list.len };
}

static inline guest_list_string_t ty_wire_texts(ty_call *call, ty_texts texts) {
    guest_string_t *items = TY_NEW(call, guest_string_t, texts.count + 1);
    for (size_t i = 0; i < texts.count; i++) items[i] = ty_wire(call, texts.items[i]);
    return (guest_list_string_t){ items, texts.count };
}

static inline ty_pairs ty_pairs_from_wire(ty_call *call, guest_list_tuple2_string_string_t list) {
    ty_pair *items = TY_NEW(call, ty_pair, list.len + 1);
    for (size_t i = 0; i < list.len; i++) {
        items[i] = (ty_pair){ ty_from_wire(call, list.ptr[i].f0), ty_from_wire(call, list.ptr[i].f1) };
    }
    return (ty_pairs){ items, list.len };
}

#endif
