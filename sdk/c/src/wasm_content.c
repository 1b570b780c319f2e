/* What a plugin gives back, as the bindings have it. */
#ifdef __wasm__
#include <string.h>

#include "wasm_content.h"

toolyard_plugin_types_icon_t *ty_wire_icons(ty_call *call, const ty_icon *icons, size_t *count) {
    *count = 0;
    while (icons && icons[*count].src) ++*count;
    toolyard_plugin_types_icon_t *items = TY_NEW(call, toolyard_plugin_types_icon_t, *count + 1);
    for (size_t i = 0; i < *count; i++) {
        items[i].src = ty_wire(call, icons[i].src);
        TY_SET_OPTION(call, items[i].mime_type, icons[i].mime_type);
        items[i].sizes = ty_wire_texts(call, icons[i].sizes);
        items[i].theme.is_some = icons[i].theme != NULL;
        bool is_dark = icons[i].theme && strcmp(icons[i].theme, "dark") == 0;
        items[i].theme.val = is_dark ? TOOLYARD_PLUGIN_TYPES_ICON_THEME_DARK : TOOLYARD_PLUGIN_TYPES_ICON_THEME_LIGHT;
    }
    return items;
}

bool ty_wire_annotations(ty_call *call, const ty_annotations *said, toolyard_plugin_types_annotations_t *annotations) {
    memset(annotations, 0, sizeof *annotations);
    if (!said->audience && !said->priority.is_set && !said->last_modified) return false;
    uint8_t *roles = ty_alloc(call, 2);
    size_t count = 0;
    if (said->audience & TY_FOR_USER) roles[count++] = TOOLYARD_PLUGIN_TYPES_ROLE_USER;
    if (said->audience & TY_FOR_ASSISTANT) roles[count++] = TOOLYARD_PLUGIN_TYPES_ROLE_ASSISTANT;
    annotations->audience.ptr = roles;
    annotations->audience.len = count;
    annotations->priority = (guest_option_f64_t){ said->priority.is_set, said->priority.value };
    TY_SET_OPTION(call, annotations->last_modified, said->last_modified);
    return true;
}

toolyard_plugin_types_resource_contents_t ty_wire_contents(ty_call *call, const ty_contents *contents) {
    toolyard_plugin_types_resource_contents_t wire = { .uri = ty_wire(call, contents->uri) };
    TY_SET_OPTION(call, wire.mime_type, contents->mime_type);
    TY_SET_OPTION(call, wire.meta, contents->meta);
    if (contents->text) {
        wire.body.tag = TOOLYARD_PLUGIN_TYPES_RESOURCE_BODY_TEXT;
        wire.body.val.text = ty_wire(call, contents->text);
    } else {
        wire.body.tag = TOOLYARD_PLUGIN_TYPES_RESOURCE_BODY_BLOB;
        wire.body.val.blob = ty_wire_data(contents->blob);
    }
    return wire;
}

/* Of the five kinds, each has annotations and metadata. */
#define SET_HINTS(call, target, piece)                                                                          \
    do {                                                                                                        \
        (target).annotations.is_some = ty_wire_annotations((call), &(piece)->annotations, &(target).annotations.val); \
        TY_SET_OPTION((call), (target).meta, (piece)->meta);                                                    \
    } while (0)

static void set_media(ty_call *call, const ty_piece *piece, toolyard_plugin_types_media_content_t *media) {
    media->data = ty_wire_data(piece->data);
    media->mime_type = ty_wire(call, piece->mime_type ? piece->mime_type : "application/octet-stream");
    SET_HINTS(call, *media, piece);
}

static void set_link(ty_call *call, const ty_piece *piece, toolyard_plugin_types_resource_link_t *link) {
    TY_SET_RESOURCE(call, *link, &piece->link);
    /* Hints of TY_ANNOTATE are about this piece, and win. */
    toolyard_plugin_types_annotations_t annotations;
    if (ty_wire_annotations(call, &piece->annotations, &annotations)) {
        link->annotations.is_some = true;
        link->annotations.val = annotations;
    }
    if (piece->meta) TY_SET_OPTION(call, link->meta, piece->meta);
}

toolyard_plugin_types_content_t ty_wire_piece(ty_call *call, const ty_piece *piece) {
    toolyard_plugin_types_content_t content;
    memset(&content, 0, sizeof content);
    switch (piece->kind) {
    case TY_PIECE_TEXT:
        content.tag = TOOLYARD_PLUGIN_TYPES_CONTENT_TEXT;
        content.val.text.text = ty_wire_bytes(call, piece->data);
        SET_HINTS(call, content.val.text, piece);
        break;
    case TY_PIECE_IMAGE:
        content.tag = TOOLYARD_PLUGIN_TYPES_CONTENT_IMAGE;
        set_media(call, piece, &content.val.image);
        break;
    case TY_PIECE_AUDIO:
        content.tag = TOOLYARD_PLUGIN_TYPES_CONTENT_AUDIO;
        set_media(call, piece, &content.val.audio);
        break;
    case TY_PIECE_LINK:
        content.tag = TOOLYARD_PLUGIN_TYPES_CONTENT_RESOURCE_LINK;
        set_link(call, piece, &content.val.resource_link);
        break;
    case TY_PIECE_EMBEDDED:
        content.tag = TOOLYARD_PLUGIN_TYPES_CONTENT_RESOURCE;
        content.val.resource.contents = ty_wire_contents(call, &piece->contents);
        SET_HINTS(call, content.val.resource, piece);
        break;
    }
    return content;
}
#endif
