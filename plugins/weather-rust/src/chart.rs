//! Temperatures as bars: the same in every kind of content.

use std::fmt::Write;

use toolyard_plugin::{Annotations, Content, ResourceLink};

const BAR: usize = 20;
const HEIGHT: i32 = 120;

/// A mono WAV file at 8000 Hz with nothing in it.
const SILENCE: &[u8; 44] =
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";

pub(crate) fn draw(highs: &[i32]) -> Vec<Content> {
    let highest = highs.iter().max().copied().unwrap_or_default();
    let lowest = highs.iter().min().copied().unwrap_or_default();
    let values: Vec<String> = highs.iter().map(ToString::to_string).collect();
    let hints = Annotations { priority: Some(0.5), ..Annotations::for_user() };
    let about = ResourceLink { mime_type: Some("text/plain".into()), ..ResourceLink::new("weather://about", "about") };
    vec![
        Content::text(format!("Highest {highest}, lowest {lowest}.")).annotated(hints),
        Content::image(svg(highs), "image/svg+xml"),
        Content::audio(SILENCE.as_slice(), "audio/wav"),
        about.into(),
        Content::embedded_text("weather://chart", "text/csv", format!("{}\n", values.join(","))),
    ]
}

fn svg(highs: &[i32]) -> String {
    let width = BAR * highs.len();
    let mut svg = format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}">"#);
    for (at, high) in highs.iter().enumerate() {
        let (x, height) = (BAR * at, high + 60);
        let y = HEIGHT - height;
        // Writing into a string cannot fail.
        let _ = write!(svg, r#"<rect x="{x}" y="{y}" width="18" height="{height}"/>"#);
    }
    svg + "</svg>"
}
