//! From bytes to text: which encoding, and what is no text at all.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far an encoding is looked for in a document, as browsers have it.
const PRESCAN_BYTES: usize = 1024;

/// The text in `body`. Said by a byte order mark, else by the header, else by the document itself; else it is UTF-8 if it can be, and
/// what old pages are if it cannot.
pub(crate) fn decode(body: &[u8], content_type: &str) -> String {
    let said = parameter(content_type, "charset").and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = said.or_else(|| in_document(body)).unwrap_or_else(|| match std::str::from_utf8(body) {
        Ok(_) => UTF_8,
        Err(_) => WINDOWS_1252,
    });
    // A byte order mark wins over what was said, in here.
    encoding.decode(body).0.into_owned()
}

/// Whether these bytes are no text in any encoding that says so itself.
pub(crate) fn is_binary(body: &[u8]) -> bool {
    let start = &body[..body.len().min(8 * PRESCAN_BYTES)];
    Encoding::for_bom(body).is_none() && start.contains(&0)
}

/// A parameter of a header such as `text/html; charset="utf-8"`.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split(';').skip(1).filter_map(|part| part.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?.1;
    Some(value.trim().trim_matches(['"', '\'']))
}

/// `<meta charset=…>`, `<meta … content="…; charset=…">` or `<?xml encoding="…"?>`.
fn in_document(body: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&body[..body.len().min(PRESCAN_BYTES)]).to_ascii_lowercase();
    let (tag, key) = match start.trim_start().starts_with("<?xml") {
        true => ("<?xml", "encoding"),
        false => ("<meta", "charset"),
    };
    let tags = start.split(tag).skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let value = tags.filter_map(|tag| tag.split_once(key)).find_map(|(_, rest)| rest.trim_start().strip_prefix('='))?;
    let label = value.trim_start().trim_start_matches(['"', '\'']);
    let label = label.split(|c: char| c.is_whitespace() || "\"'/?;".contains(c)).next()?;
    // What names itself UTF-16 in ASCII is not.
    let encoding = Encoding::for_label(label.as_bytes())?;
    Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_found() {
        for (body, content_type, expected) in [
            (&b"\xe4"[..], "text/html; charset=iso-8859-1", "\u{e4}"),
            (b"\xc3\xa4", "text/html", "\u{e4}"),
            (b"\xe4", "text/html", "\u{e4}"),
            (b"\xef\xbb\xbfx", "text/html; charset=latin1", "x"),
            (b"\xff\xfex\0", "", "x"),
            (b"<meta charset='windows-1251'>\xe4", "text/html", "<meta charset='windows-1251'>\u{434}"),
            (
                b"<META http-equiv=x content=\"text/html; charset=koi8-r\"/>\xc4",
                "",
                "<META http-equiv=x content=\"text/html; charset=koi8-r\"/>\u{434}",
            ),
            (
                b"<?xml version='1.0' encoding='iso-8859-5'?>\xd4",
                "",
                "<?xml version='1.0' encoding='iso-8859-5'?>\u{434}",
            ),
            (b"\x82\xa0", "text/plain; Charset=\"Shift_JIS\"", "\u{3042}"),
            (b"\xc3\xa4", "text/plain; charset=nonsense", "\u{e4}"),
        ] {
            assert_eq!(decode(body, content_type), expected, "{content_type}");
        }
        assert!(is_binary(b"PK\0\0") && !is_binary(b"\xff\xfex\0") && !is_binary(b"text"));
    }
}
