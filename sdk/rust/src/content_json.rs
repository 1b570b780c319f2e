//! Content in the protocol's words, for where a plugin has to write them itself: inside of a request to the client's model. What a
//! plugin answers, the host writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Annotations, Content, EmbeddedResource, Icon, IconTheme, MediaContent, ResourceBody, ResourceLink, Role};

impl Content {
    /// A `ContentBlock`.
    pub(crate) fn to_json(&self) -> Value {
        let (mut block, annotations, meta) = match self {
            Self::Text(text) => (json!({ "type": "text", "text": text.text }), &text.annotations, &text.meta),
            Self::Image(image) => (media("image", image), &image.annotations, &image.meta),
            Self::Audio(audio) => (media("audio", audio), &audio.annotations, &audio.meta),
            Self::ResourceLink(link) => (Value::Object(linked(link)), &link.annotations, &link.meta),
            Self::Resource(resource) => (embedded(resource), &resource.annotations, &resource.meta),
        };
        if let Value::Object(block) = &mut block {
            add(block, "annotations", annotations.as_ref().map(annotated));
            add_meta(block, meta.as_deref());
        }
        block
    }
}

pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

pub(crate) fn media_block(kind: &str, data: &[u8], mime_type: &str) -> Value {
    json!({ "type": kind, "data": BASE64.encode(data), "mimeType": mime_type })
}

fn media(kind: &str, media: &MediaContent) -> Value {
    media_block(kind, &media.data, &media.mime_type)
}

fn linked(link: &ResourceLink) -> Map<String, Value> {
    let mut block = Map::new();
    add(&mut block, "type", Some("resource_link"));
    add(&mut block, "uri", Some(&link.uri));
    add(&mut block, "name", Some(&link.name));
    add(&mut block, "title", link.title.as_ref());
    add(&mut block, "description", link.description.as_ref());
    add(&mut block, "mimeType", link.mime_type.as_ref());
    add(&mut block, "size", link.size);
    add(&mut block, "icons", (!link.icons.is_empty()).then(|| link.icons.iter().map(icon).collect::<Vec<_>>()));
    block
}

fn embedded(EmbeddedResource { contents, .. }: &EmbeddedResource) -> Value {
    let mut resource = Map::new();
    add(&mut resource, "uri", Some(&contents.uri));
    add(&mut resource, "mimeType", contents.mime_type.as_ref());
    match &contents.body {
        ResourceBody::Text(text) => add(&mut resource, "text", Some(text)),
        ResourceBody::Blob(blob) => add(&mut resource, "blob", Some(BASE64.encode(blob))),
    }
    add_meta(&mut resource, contents.meta.as_deref());
    json!({ "type": "resource", "resource": resource })
}

fn icon(icon: &Icon) -> Value {
    let theme = icon.theme.map(|theme| match theme {
        IconTheme::Light => "light",
        IconTheme::Dark => "dark",
    });
    let mut value = Map::new();
    add(&mut value, "src", Some(&icon.src));
    add(&mut value, "mimeType", icon.mime_type.as_ref());
    add(&mut value, "sizes", (!icon.sizes.is_empty()).then_some(&icon.sizes));
    add(&mut value, "theme", theme);
    value.into()
}

fn annotated(annotations: &Annotations) -> Value {
    let audience: Vec<&str> = annotations.audience.iter().copied().map(role_name).collect();
    let mut value = Map::new();
    add(&mut value, "audience", (!audience.is_empty()).then_some(audience));
    add(&mut value, "priority", annotations.priority);
    add(&mut value, "lastModified", annotations.last_modified.as_ref());
    value.into()
}

// What is not an object of JSON is left out: it is what a plugin says by the way.
fn add_meta(block: &mut Map<String, Value>, meta: Option<&str>) {
    let meta = meta.and_then(|meta| serde_json::from_str::<Map<String, Value>>(meta).ok());
    add(block, "_meta", meta);
}

fn add(object: &mut Map<String, Value>, key: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        object.insert(key.into(), json!(value));
    }
}
