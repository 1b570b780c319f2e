/* What a plugin gives back, as the bindings have it. */
#ifndef TOOLYARD_WASM_CONTENT_H
#define TOOLYARD_WASM_CONTENT_H

#include "wasm.h"

toolyard_plugin_types_icon_t *ty_wire_icons(ty_call *call, const ty_icon *icons, size_t *count);
/* False where nothing was said. */
bool ty_wire_annotations(ty_call *call, const ty_annotations *said, toolyard_plugin_types_annotations_t *annotations);
toolyard_plugin_types_resource_contents_t ty_wire_contents(ty_call *call, const ty_contents *contents);
toolyard_plugin_types_content_t ty_wire_piece(ty_call *call, const ty_piece *piece);

/* For links and entries of the list, which are a type each. */
#define TY_SET_RESOURCE(call, target, info)                                                                           \
    do {                                                                                                              \
        (target).uri = ty_wire((call), (info)->uri);                                                                  \
        (target).name = ty_wire((call), (info)->name);                                                                \
        (target).size = (guest_option_u64_t){ (info)->size.is_set, (uint64_t)(info)->size.value };                     \
        TY_SET_ABOUT((call), (target), (info));                                                                       \
        TY_SET_OPTION((call), (target).mime_type, (info)->mime_type);                                                 \
        (target).annotations.is_some = ty_wire_annotations((call), &(info)->annotations, &(target).annotations.val);  \
    } while (0)

/* What tools, prompts, resources and templates say of themselves alike. */
#define TY_SET_ABOUT(call, target, info)                                             \
    do {                                                                             \
        TY_SET_OPTION((call), (target).title, (info)->title);                        \
        TY_SET_OPTION((call), (target).description, (info)->description);            \
        (target).icons.ptr = ty_wire_icons((call), (info)->icons, &(target).icons.len); \
        TY_SET_OPTION((call), (target).meta, (info)->meta);                          \
    } while (0)

#endif
