//! Content in the protocol's JSON, the same in all revisions that know it.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::sandbox::contract::{
    Annotations, Content, EmbeddedResource, Icon, IconTheme, MediaContent, ResourceBody, ResourceContents,
    ResourceLink, Role, TextContent,
};

/// A content block as it goes out.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text(Text<'a>),
    Image(Media<'a>),
    Audio(Media<'a>),
    ResourceLink(Link<'a>),
    Resource(Embedded<'a>),
}

#[derive(Debug, Serialize)]
pub(super) struct Text<'a> {
    text: Cow<'a, str>,
    #[serde(flatten)]
    more: More<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Media<'a> {
    #[serde(serialize_with = "base64")]
    data: &'a [u8],
    mime_type: &'a str,
    #[serde(flatten)]
    more: More<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link<'a> {
    uri: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    icons: Vec<IconJson<'a>>,
    #[serde(flatten)]
    more: More<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Embedded<'a> {
    resource: Contents<'a>,
    #[serde(flatten)]
    more: More<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contents<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Text(&'a str),
    #[serde(serialize_with = "base64")]
    Blob(&'a [u8]),
}

/// What any block may carry.
#[derive(Debug, Serialize)]
struct More<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<AnnotationsJson<'a>>,
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    meta: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnnotationsJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audience: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<&'a str>,
}

/// An icon of a tool, a resource or the server.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IconJson<'a> {
    src: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sizes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    theme: Option<&'static str>,
}

impl<'a> Block<'a> {
    pub(super) fn new(content: &'a Content) -> Self {
        match content {
            Content::Text(TextContent { text, annotations, meta }) => {
                Self::Text(Text { text: text.into(), more: More::new(annotations.as_ref(), meta.as_deref()) })
            }
            Content::Image(media) => Self::Image(Media::new(media)),
            Content::Audio(media) => Self::Audio(Media::new(media)),
            Content::ResourceLink(link) => Self::ResourceLink(Link::new(link)),
            Content::Resource(EmbeddedResource { contents, annotations, meta }) => Self::Resource(Embedded {
                resource: Contents::new(contents),
                more: More::new(annotations.as_ref(), meta.as_deref()),
            }),
        }
    }
}

impl Block<'_> {
    /// A link for clients that know no links.
    pub(super) fn link_as_text(link: &ResourceLink) -> Self {
        let text = format!("[{}]({})", link.title.as_deref().unwrap_or(&link.name), link.uri);
        Self::Text(Text { text: text.into(), more: More { annotations: None, meta: None } })
    }
}

impl<'a> Media<'a> {
    fn new(media: &'a MediaContent) -> Self {
        let more = More::new(media.annotations.as_ref(), media.meta.as_deref());
        Self { data: &media.data, mime_type: &media.mime_type, more }
    }
}

impl<'a> Link<'a> {
    fn new(link: &'a ResourceLink) -> Self {
        Self {
            uri: &link.uri,
            name: &link.name,
            title: link.title.as_deref(),
            description: link.description.as_deref(),
            mime_type: link.mime_type.as_deref(),
            size: link.size,
            icons: icons(&link.icons),
            more: More::new(link.annotations.as_ref(), link.meta.as_deref()),
        }
    }
}

impl<'a> Contents<'a> {
    pub(super) fn new(contents: &'a ResourceContents) -> Self {
        let body = match &contents.body {
            ResourceBody::Text(text) => Body::Text(text),
            ResourceBody::Blob(bytes) => Body::Blob(bytes),
        };
        Self {
            uri: &contents.uri,
            mime_type: contents.mime_type.as_deref(),
            body,
            meta: object(contents.meta.as_deref()),
        }
    }
}

impl<'a> More<'a> {
    fn new(annotations: Option<&'a Annotations>, meta: Option<&'a str>) -> Self {
        Self { annotations: annotations.map(AnnotationsJson::new), meta: object(meta) }
    }
}

impl<'a> AnnotationsJson<'a> {
    pub(super) fn new(annotations: &'a Annotations) -> Self {
        Self {
            audience: annotations.audience.iter().copied().map(role).collect(),
            // The protocol knows priorities from 0 to 1; what is outside means the nearest of the two.
            priority: annotations
                .priority
                .filter(|priority| priority.is_finite())
                .map(|priority| priority.clamp(0.0, 1.0)),
            last_modified: annotations.last_modified.as_deref(),
        }
    }
}

/// A role in the protocol's words.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Icons in the protocol's JSON.
pub(super) fn icons(icons: &[Icon]) -> Vec<IconJson<'_>> {
    icons
        .iter()
        .map(|icon| IconJson {
            src: &icon.src,
            mime_type: icon.mime_type.as_deref(),
            sizes: &icon.sizes,
            theme: icon.theme.map(|theme| match theme {
                IconTheme::Light => "light",
                IconTheme::Dark => "dark",
            }),
        })
        .collect()
}

/// Metadata that is a JSON object; anything else is left out, since it would break the message around it.
pub(super) fn object(meta: Option<&str>) -> Option<&RawValue> {
    let raw: &RawValue = serde_json::from_str(meta?).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

fn base64<S: Serializer>(bytes: &&[u8], out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&BASE64.encode(bytes))
}
