//! Content of every kind.

use toolyard_plugin::{Annotations, Content, ResourceContents, ResourceLink, Result, ToolResult, json};

/// One piece of each kind, with all that can be said about it.
pub(crate) fn all(pixel: &[u8], silence: &[u8]) -> Result<ToolResult> {
    let meta = json!({"example.com/kind": "all"}).as_object().cloned().unwrap_or_default();
    let link = ResourceLink {
        title: Some("The watched one".into()),
        description: Some("Clients can subscribe to it.".into()),
        mime_type: Some("text/plain".into()),
        size: Some(30),
        ..ResourceLink::new("test://watched-resource", "test_watched_resource")
    };
    let hints = Annotations {
        priority: Some(0.5),
        last_modified: Some("2026-07-28T00:00:00Z".into()),
        ..Annotations::for_user()
    };
    Ok(ToolResult::structured(&json!({"pieces": 6}))?
        .with(Content::text("Text for the user.").annotated(hints).with_meta(&meta))
        .with(Content::image(pixel, "image/png").annotated(Annotations::for_assistant()))
        .with(Content::audio(silence, "audio/wav"))
        .with(link)
        .with(ResourceContents::text("text").at("test://text").with_mime_type("text/plain").with_meta(&meta))
        .with(Content::embedded_blob("test://blob", "image/png", pixel))
        .with_meta(&meta))
}
