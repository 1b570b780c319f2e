//! Reading files: text, images, sounds.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use toolyard_plugin::{Content, Error, ResourceContents, Result, ToolResult};

use crate::folders::Place;
use crate::said::failed;

/// A text file that is read whole. What is larger is read at one of its ends.
pub(crate) const TEXT_BYTES_MAX: u64 = 4 << 20;
/// How much of a larger file is looked at for its first or last lines.
const END_BYTES_MAX: u64 = 1 << 20;
/// What is given at once: more than a model reads.
const SHOWN_BYTES_MAX: usize = 256 << 10;
/// What clients take as an image or a sound; in base64 it is a third more.
const MEDIA_BYTES_MAX: u64 = 4 << 20;

/// By the end of the name: what clients can show or play.
const MEDIA: [(&str, &str); 12] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
    ("svg", "image/svg+xml"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("flac", "audio/flac"),
    ("m4a", "audio/mp4"),
];

/// Which lines to give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Range {
    All,
    Head(usize),
    Tail(usize),
    /// From 1, both ends included.
    Lines(usize, usize),
}

impl Range {
    pub(crate) fn new(
        head: Option<usize>,
        tail: Option<usize>,
        from: Option<usize>,
        to: Option<usize>,
    ) -> Result<Self> {
        match (head, tail, from, to) {
            (None, None, None, None) => Ok(Self::All),
            (Some(lines), None, None, None) => Ok(Self::Head(lines)),
            (None, Some(lines), None, None) => Ok(Self::Tail(lines)),
            (None, None, from, to) => {
                let (from, to) = (from.unwrap_or(1), to.unwrap_or(usize::MAX));
                match from >= 1 && from <= to {
                    true => Ok(Self::Lines(from, to)),
                    false => Err(Error::invalid_arguments("`from_line` is at least 1 and not after `to_line`")),
                }
            }
            _ => Err(Error::invalid_arguments("give `head`, or `tail`, or `from_line` and `to_line`")),
        }
    }

    /// These lines of `text`.
    fn of(self, text: &str) -> &str {
        let ends = || text.match_indices('\n').map(|(at, _)| at + 1);
        let start_of = |line: usize| if line == 0 { Some(0) } else { ends().nth(line - 1) };
        match self {
            Self::All => text,
            Self::Head(lines) => &text[..start_of(lines).unwrap_or(text.len())],
            Self::Tail(lines) => {
                let count = text.lines().count();
                &text[start_of(count.saturating_sub(lines)).unwrap_or(text.len())..]
            }
            Self::Lines(from, to) => {
                let start = start_of(from - 1).unwrap_or(text.len());
                &text[start..start_of(to).unwrap_or(text.len()).max(start)]
            }
        }
    }
}

pub(crate) fn text(place: &Place, range: Range) -> Result<ToolResult> {
    let (text, whole) = lines(place, range)?;
    let shown = range.of(&text);
    let cut = &shown[..shown.floor_char_boundary(SHOWN_BYTES_MAX)];
    let mut result = ToolResult::new([Content::text(cut)]);
    if cut.len() < shown.len() {
        let lines = cut.lines().count();
        result = result.with(format!(
            "Only the first {lines} lines of what was asked for are shown. Ask for the rest with `from_line` and `to_line`."
        ));
    }
    if !whole {
        result = result.with("The file is large: only this end of it was looked at.");
    }
    Ok(result)
}

/// The text of a file that is to be changed, or searched.
pub(crate) fn whole_text(place: &Place) -> Result<String> {
    Ok(lines(place, Range::All)?.0)
}

pub(crate) fn media(place: &Place) -> Result<ToolResult> {
    let mime_type = mime_type(place).ok_or_else(|| {
        let known: Vec<&str> = MEDIA.iter().map(|(end, _)| *end).collect();
        Error::invalid_arguments(format_args!(
            "`{}` is none of {}; use `read_text` for text",
            place.path,
            known.join(", ")
        ))
    })?;
    let (mut file, bytes) = open(place)?;
    if bytes > MEDIA_BYTES_MAX {
        return Err(Error::failed(format_args!(
            "`{}` has {bytes} bytes, and at most {MEDIA_BYTES_MAX} can be given",
            place.path
        )));
    }
    let data = read(place, &mut file, MEDIA_BYTES_MAX)?;
    Ok(ToolResult::new([match mime_type.starts_with("image/") {
        true => Content::image(data, mime_type),
        false => Content::audio(data, mime_type),
    }]))
}

/// Nothing where there is nothing; a folder is no resource.
pub(crate) fn resource(path: &str) -> Result<Option<ResourceContents>> {
    let Ok(place) = Place::find(path) else { return Ok(None) };
    if !std::fs::metadata(&place.real).is_ok_and(|file| file.is_file()) {
        return Ok(None);
    }
    let (mut file, bytes) = open(&place)?;
    if bytes > TEXT_BYTES_MAX {
        return Err(Error::failed(format_args!(
            "`{path}` has {bytes} bytes, and at most {TEXT_BYTES_MAX} can be given"
        )));
    }
    let data = read(&place, &mut file, TEXT_BYTES_MAX)?;
    Ok(Some(match (mime_type(&place), String::from_utf8(data)) {
        (Some(mime_type), Err(data)) => ResourceContents::blob(data.into_bytes()).with_mime_type(mime_type),
        (None, Err(data)) => ResourceContents::blob(data.into_bytes()).with_mime_type("application/octet-stream"),
        (mime_type, Ok(text)) => ResourceContents::text(text).with_mime_type(mime_type.unwrap_or("text/plain")),
    }))
}

fn lines(place: &Place, range: Range) -> Result<(String, bool)> {
    let (mut file, bytes) = open(place)?;
    let whole = bytes <= TEXT_BYTES_MAX;
    let mut data = match range {
        _ if whole => read(place, &mut file, TEXT_BYTES_MAX)?,
        Range::Head(_) => read(place, &mut file, END_BYTES_MAX)?,
        Range::Tail(_) => {
            file.seek(SeekFrom::Start(bytes - END_BYTES_MAX)).map_err(|error| failed(place, &error))?;
            read(place, &mut file, END_BYTES_MAX)?
        }
        _ => {
            return Err(Error::failed(format_args!(
                "`{}` has {bytes} bytes: only `head` and `tail` can be had of files beyond {TEXT_BYTES_MAX}",
                place.path
            )));
        }
    };
    if !whole {
        whole_lines(&mut data, range);
    }
    let text = if data.contains(&0) { None } else { String::from_utf8(data).ok() };
    let text = text.ok_or_else(|| {
        Error::failed(format_args!(
            "`{}` is no text in UTF-8; images and sounds can be had with `read_media`",
            place.path
        ))
    })?;
    Ok((text, whole))
}

/// Takes away the part of a line, or of a character, where the file was cut.
fn whole_lines(data: &mut Vec<u8>, range: Range) {
    match range {
        Range::Tail(_) => {
            let start = data.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            data.drain(..start);
        }
        _ => data.truncate(data.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)),
    }
}

fn open(place: &Place) -> Result<(File, u64)> {
    let about = std::fs::metadata(&place.real).map_err(|error| failed(place, &error))?;
    if about.is_dir() {
        return Err(Error::failed(format_args!("`{}` is a folder; use `list` or `tree`", place.path)));
    }
    let file = File::open(&place.real).map_err(|error| failed(place, &error))?;
    Ok((file, about.len()))
}

/// Reads up to `bytes_max`: a file may grow after it was looked at.
fn read(place: &Place, file: &mut File, bytes_max: u64) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    file.take(bytes_max).read_to_end(&mut data).map_err(|error| failed(place, &error))?;
    Ok(data)
}

fn mime_type(place: &Place) -> Option<&'static str> {
    let (_, end) = place.name().rsplit_once('.')?;
    MEDIA.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map(|(_, mime_type)| *mime_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_lines() {
        let text = "1\n2\n3\n4";
        let of = |range: Range| range.of(text);
        assert_eq!((of(Range::Head(2)), of(Range::Head(9)), of(Range::Head(0))), ("1\n2\n", text, ""));
        assert_eq!((of(Range::Tail(1)), of(Range::Tail(9)), of(Range::Tail(0))), ("4", text, ""));
        assert_eq!((of(Range::Lines(2, 3)), of(Range::Lines(4, 9)), of(Range::Lines(7, 9))), ("2\n3\n", "4", ""));
        assert_eq!(Range::Tail(1).of("1\n2\n"), "2\n");
        assert!(Range::new(Some(1), Some(1), None, None).is_err() && Range::new(None, None, Some(0), None).is_err());
        assert!(Range::new(None, None, Some(3), Some(2)).is_err());
    }
}
