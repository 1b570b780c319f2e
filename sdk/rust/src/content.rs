//! Building answers: short ways to make the contract's content.

use crate::{
    Annotations, Content, EmbeddedResource, Error, MediaContent, ResourceBody, ResourceContents, ResourceLink,
    TextContent, ToolResult,
};
use serde::Serialize;

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
        Self::ResourceLink(ResourceLink {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        })
    }

    /// A text that travels as a resource, under its own `uri`.
    pub fn embedded_text(uri: impl Into<String>, mime_type: impl Into<String>, text: impl Into<String>) -> Self {
        embedded(uri.into(), mime_type.into(), ResourceBody::Text(text.into()))
    }

    /// Bytes that travel as a resource, under their own `uri`.
    pub fn embedded_blob(uri: impl Into<String>, mime_type: impl Into<String>, blob: impl Into<Vec<u8>>) -> Self {
        embedded(uri.into(), mime_type.into(), ResourceBody::Blob(blob.into()))
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
}

impl<T: Into<String>> From<T> for Content {
    fn from(text: T) -> Self {
        Self::text(text)
    }
}

impl ToolResult {
    /// An answer of these pieces.
    pub fn new(content: impl Into<Vec<Content>>) -> Self {
        Self { content: content.into(), structured: None, is_error: false, meta: None }
    }

    /// An answer that is a value. The host also says it as text, unless content is added.
    pub fn structured(value: &impl Serialize) -> Result<Self, Error> {
        let structured = serde_json::to_string(value)
            .map_err(|error| Error::internal(format_args!("the result cannot be said in JSON: {error}")))?;
        Ok(Self { content: Vec::new(), structured: Some(structured), is_error: false, meta: None })
    }

    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, content: impl Into<Content>) -> Self {
        self.content.push(content.into());
        self
    }

    /// Sets the result's `_meta` to this JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: &serde_json::Map<String, serde_json::Value>) -> Self {
        self.meta = serde_json::to_string(meta).ok();
        self
    }
}

impl<T: Into<Content>> From<T> for ToolResult {
    fn from(content: T) -> Self {
        Self::new([content.into()])
    }
}

fn embedded(uri: String, mime_type: String, body: ResourceBody) -> Content {
    let contents = ResourceContents { uri, mime_type: Some(mime_type), body, meta: None };
    Content::Resource(EmbeddedResource { contents, annotations: None, meta: None })
}
