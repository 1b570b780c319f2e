//! Building answers: short ways to make the contract's content.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::json;
use crate::{
    Annotations, Content, EmbeddedResource, Error, MediaContent, Resource, ResourceBody, ResourceContents,
    ResourceLink, Role, TextContent, ToolResult,
};

type Object = Map<String, Value>;

impl Content {
    /// Text for the model or the user.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent { text: text.into(), annotations: None, meta: None })
    }

    /// An image, `mime_type` such as `image/png`.
    pub fn image(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Image(MediaContent { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None })
    }

    /// A sound, `mime_type` such as `audio/wav`.
    pub fn audio(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Audio(MediaContent { data: data.into(), mime_type: mime_type.into(), annotations: None, meta: None })
    }

    /// A pointer to a resource that the client may read. [`ResourceLink`] holds more that can be said about it.
    pub fn link(uri: impl Into<String>, name: impl Into<String>) -> Self {
        ResourceLink::new(uri, name).into()
    }

    /// A text that travels as a resource, under its own `uri`.
    pub fn embedded_text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        ResourceContents::text(text).with_mime_type(mime_type).at(uri).into()
    }

    /// Bytes that travel as a resource, under their own `uri`.
    pub fn embedded_blob(uri: impl Into<String>, mime_type: impl Into<String>, blob: impl Into<Vec<u8>>) -> Self {
        ResourceContents::blob(blob).with_mime_type(mime_type).at(uri).into()
    }

    /// Gives the client hints about this piece.
    #[must_use]
    pub fn annotated(mut self, hints: Annotations) -> Self {
        match &mut self {
            Self::Text(text) => text.annotations = Some(hints),
            Self::Image(media) | Self::Audio(media) => media.annotations = Some(hints),
            Self::ResourceLink(link) => link.annotations = Some(hints),
            Self::Resource(resource) => resource.annotations = Some(hints),
        }
        self
    }

    /// Sets the piece's `_meta` to this JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: &Object) -> Self {
        let meta = serde_json::to_string(meta).ok();
        match &mut self {
            Self::Text(text) => text.meta = meta,
            Self::Image(media) | Self::Audio(media) => media.meta = meta,
            Self::ResourceLink(link) => link.meta = meta,
            Self::Resource(resource) => resource.meta = meta,
        }
        self
    }
}

impl<T: Into<String>> From<T> for Content {
    fn from(text: T) -> Self {
        Self::text(text)
    }
}

impl From<ResourceLink> for Content {
    fn from(link: ResourceLink) -> Self {
        Self::ResourceLink(link)
    }
}

impl From<ResourceContents> for Content {
    fn from(contents: ResourceContents) -> Self {
        Self::Resource(EmbeddedResource { contents, annotations: None, meta: None })
    }
}

impl Annotations {
    /// For the user, rather than for the model.
    pub fn for_user() -> Self {
        Self { audience: vec![Role::User], priority: None, last_modified: None }
    }

    /// For the model, rather than for the user.
    pub fn for_assistant() -> Self {
        Self { audience: vec![Role::Assistant], priority: None, last_modified: None }
    }
}

impl ResourceLink {
    /// A pointer of which nothing more is said: `ResourceLink { size: Some(7), ..ResourceLink::new(uri, name) }` says more.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        }
    }
}

impl Resource {
    /// An entry of a list of which nothing more is said: `Resource { size: Some(7), ..Resource::new(uri, name) }` says more.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        }
    }
}

impl ResourceContents {
    /// Text, at the URI that was asked for, of the type that the resource was declared with.
    pub fn text(text: impl Into<String>) -> Self {
        Self { uri: String::new(), mime_type: None, body: ResourceBody::Text(text.into()), meta: None }
    }

    /// Bytes, at the URI that was asked for, of the type that the resource was declared with.
    pub fn blob(blob: impl Into<Vec<u8>>) -> Self {
        Self { uri: String::new(), mime_type: None, body: ResourceBody::Blob(blob.into()), meta: None }
    }

    /// At this URI.
    #[must_use]
    pub fn at(mut self, uri: impl Into<String>) -> Self {
        self.uri = uri.into();
        self
    }

    /// Of this type, such as `text/plain`.
    #[must_use]
    pub fn with_mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Sets the `_meta` to this JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: &Object) -> Self {
        self.meta = serde_json::to_string(meta).ok();
        self
    }
}

impl ToolResult {
    /// An answer of these pieces.
    pub fn new(content: impl Into<Vec<Content>>) -> Self {
        Self { content: content.into(), structured: None, is_error: false, meta: None }
    }

    /// An answer that is a value. The host also says it as text, unless content is added.
    pub fn structured(value: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { content: Vec::new(), structured: Some(json(value)?), is_error: false, meta: None })
    }

    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, content: impl Into<Content>) -> Self {
        self.content.push(content.into());
        self
    }

    /// Sets the result's `_meta` to this JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: &Object) -> Self {
        self.meta = serde_json::to_string(meta).ok();
        self
    }
}

impl<T: Into<Content>> From<T> for ToolResult {
    fn from(content: T) -> Self {
        Self::new([content.into()])
    }
}
