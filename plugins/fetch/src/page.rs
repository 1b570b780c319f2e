//! From what a server sent to what a model reads.

use toolyard_plugin::{Content, Error, Result, ToolResult};

use crate::charset;
use crate::fetch::Format;
use crate::fetching::Fetched;
use crate::html;

/// Which part of a page to give, in characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    start: usize,
    chars_max: usize,
}

/// More than a model can read at once.
const CHARS_MAX: usize = 200_000;
/// What clients take as an image, in base64 a third more.
const IMAGE_BYTES_MAX: usize = 3 << 20;

/// What clients and models can show.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Html,
    Text,
    Image,
    Other,
}

impl Part {
    pub(crate) fn new(start: usize, chars_max: usize) -> Result<Self> {
        match chars_max {
            1..=CHARS_MAX => Ok(Self { start, chars_max }),
            _ => Err(Error::invalid_arguments(format_args!("`max_chars` is from 1 to {CHARS_MAX}"))),
        }
    }

    /// The part of `text`, and where the next begins.
    fn of(self, text: &str) -> Result<(&str, Option<usize>)> {
        let end_of = |text: &str, chars: usize| text.char_indices().nth(chars).map(|(at, _)| at);
        let Some(start) =
            end_of(text, self.start).or_else(|| (text.chars().count() == self.start).then_some(text.len()))
        else {
            let count = text.chars().count();
            return Err(Error::invalid_arguments(format_args!(
                "`start` is {}, and the page has {count} characters",
                self.start
            )));
        };
        let rest = &text[start..];
        Ok(match end_of(rest, self.chars_max) {
            Some(end) => (&rest[..end], Some(self.start + self.chars_max)),
            None => (rest, None),
        })
    }
}

pub(crate) fn show(fetched: Fetched, format: Format, part: Part) -> Result<ToolResult> {
    let Fetched { url, redirected, content_type, body } = fetched;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = match (kind(&essence, &body), format) {
        (Kind::Image, _) => return image(&essence, body),
        (Kind::Other, _) => return Err(unreadable(url.as_str(), &essence)),
        (Kind::Html, Format::Markdown) => html::markdown(&charset::decode(&body, &content_type), &url)?,
        (Kind::Html, Format::Text) => html::text(&charset::decode(&body, &content_type), &url)?,
        (Kind::Html, Format::Html) => html::source(&charset::decode(&body, &content_type), &url)?,
        (Kind::Text, Format::Html) => {
            return Err(Error::invalid_arguments(format_args!("{url} is not HTML but `{essence}`; ask for `raw`")));
        }
        (Kind::Html | Kind::Text, _) => charset::decode(&body, &content_type),
    };
    let (shown, next) = part.of(&text)?;
    let mut result = ToolResult::new([Content::text(shown)]);
    if text.trim().is_empty() {
        result = result.with("The page has no text. It may be made by scripts, which are not run.");
    }
    if redirected {
        result = result.with(format!("This is from {url}"));
    }
    if let Some(next) = next {
        let left = text.chars().count() - next;
        result = result.with(format!("{left} more characters: call again with `start` {next}."));
    }
    Ok(result)
}

fn image(essence: &str, body: Vec<u8>) -> Result<ToolResult> {
    if body.len() > IMAGE_BYTES_MAX {
        return Err(Error::failed(format_args!(
            "the image has {} bytes, and at most {IMAGE_BYTES_MAX} can be given",
            body.len()
        )));
    }
    Ok(ToolResult::new([Content::image(body, essence)]))
}

fn unreadable(url: &str, essence: &str) -> Error {
    let what = if essence.is_empty() { "of no type that it says" } else { essence };
    Error::failed(format_args!(
        "{url} is `{}`: only text, HTML, JSON, XML and images (PNG, JPEG, GIF, WebP) can be given",
        what.escape_debug()
    ))
}

fn kind(essence: &str, body: &[u8]) -> Kind {
    if IMAGES.contains(&essence) {
        return Kind::Image;
    }
    let said = match essence.split_once('/') {
        _ if matches!(essence, "text/html" | "application/xhtml+xml") => Kind::Html,
        Some(("text", _)) => Kind::Text,
        Some(("application", "json" | "xml" | "javascript" | "yaml" | "toml" | "x-yaml" | "x-ndjson" | "x-sh")) => {
            Kind::Text
        }
        Some((_, sub)) if sub.ends_with("+json") || sub.ends_with("+xml") || sub.ends_with("+yaml") => Kind::Text,
        // Servers say this of what they do not know: README files and the like.
        None | Some(("application", "octet-stream")) => Kind::Text,
        Some(_) => Kind::Other,
    };
    match said {
        Kind::Html | Kind::Text if charset::is_binary(body) => Kind::Other,
        // Without a type, a document says itself what it is.
        Kind::Text if essence.is_empty() && begins_as_html(body) => Kind::Html,
        said => said,
    }
}

fn begins_as_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let begins = |tag: &[u8]| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html") || begins(b"<head")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_type_and_by_look() {
        for (essence, body, expected) in [
            ("text/html", &b"x"[..], Kind::Html),
            ("text/plain", b"<html>", Kind::Text),
            ("", b" <!DOCTYPE HTML>", Kind::Html),
            ("", b"x", Kind::Text),
            ("application/ld+json", b"{}", Kind::Text),
            ("image/svg+xml", b"<svg/>", Kind::Text),
            ("image/png", b"\0", Kind::Image),
            ("application/pdf", b"%PDF", Kind::Other),
            ("application/octet-stream", b"a\0", Kind::Other),
            ("text/plain", b"\x7fELF\0", Kind::Other),
            ("video/mp4", b"", Kind::Other),
            ("text/plain", b"\xff\xfea\0", Kind::Text),
        ] {
            assert_eq!(kind(essence, body), expected, "{essence}");
        }
    }

    #[test]
    fn parts_join_to_the_whole() {
        let text = "aäb\u{1f600}c";
        let part = |start, chars_max| Part::new(start, chars_max).unwrap().of(text);
        assert_eq!(part(0, 2).unwrap(), ("aä", Some(2)));
        assert_eq!(part(2, 2).unwrap(), ("b\u{1f600}", Some(4)));
        assert_eq!(part(4, 2).unwrap(), ("c", None));
        assert_eq!(part(0, 5).unwrap(), (text, None));
        assert_eq!(part(5, 5).unwrap(), ("", None));
        assert!(part(6, 1).unwrap_err().message().contains("the page has 5 characters"));
        assert!(Part::new(0, 0).is_err() && Part::new(0, CHARS_MAX + 1).is_err());
    }
}
