//! Bytes as text, and text as other text.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, DecodeError, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use toolyard_plugin::{Error, Result};

use crate::html;
use crate::text::{Bytes, Format};

/// RFC 3986, section 2.3: what need not be encoded anywhere.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The bytes that `text` says.
pub(crate) fn bytes(text: &str, written: Bytes) -> Result<Vec<u8>> {
    match written {
        Bytes::Text => Ok(text.as_bytes().to_vec()),
        Bytes::Hex => decode(text, Format::Hex),
        Bytes::Base64 => decode(text, Format::Base64),
    }
}

/// The text that says these bytes.
pub(crate) fn written(bytes: Vec<u8>, how: Bytes) -> Result<String> {
    match how {
        Bytes::Hex => Ok(HEXLOWER.encode(&bytes)),
        Bytes::Base64 => Ok(BASE64.encode(&bytes)),
        Bytes::Text => String::from_utf8(bytes).map_err(|error| {
            let (good, all) = (error.utf8_error().valid_up_to(), error.as_bytes().len());
            Error::Failed(format!(
                "this decodes to {all} bytes that are not text: byte {good} is no UTF-8. Set `output` to `hex` or `base64`"
            ))
        }),
    }
}

/// Encodes.
pub(crate) fn encode(bytes: &[u8], format: Format) -> Result<String> {
    match format {
        Format::Base64 => Ok(BASE64.encode(bytes)),
        Format::Base64url => Ok(BASE64URL_NOPAD.encode(bytes)),
        Format::Hex => Ok(HEXLOWER.encode(bytes)),
        Format::Url => Ok(percent_encode(bytes, RESERVED).to_string()),
        Format::Html => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(html::escape(text)),
            Err(_) => Err(Error::invalid_arguments("only text can be encoded as HTML, and these bytes are not UTF-8")),
        },
    }
}

/// Decodes. Blanks, line breaks and missing or needless padding do not matter, where they mean nothing.
pub(crate) fn decode(text: &str, format: Format) -> Result<Vec<u8>> {
    match format {
        Format::Base64 => digits(text, &BASE64_NOPAD, "base64"),
        Format::Base64url => digits(text, &BASE64URL_NOPAD, "base64url"),
        Format::Hex => digits(text, &HEXLOWER_PERMISSIVE, "hex"),
        Format::Url => {
            check_percents(text)?;
            Ok(percent_decode_str(text).collect())
        }
        Format::Html => Ok(html::unescape(text).into_bytes()),
    }
}

fn digits(text: &str, encoding: &Encoding, name: &str) -> Result<Vec<u8>> {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let digits: Vec<u8> = text.bytes().filter(|byte| !blank(byte)).collect();
    let padded = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = if name == "hex" { &digits[..] } else { &digits[..digits.len() - padded] };
    encoding.decode(digits).map_err(|DecodeError { position, kind }| {
        let shown = digits.get(position).map_or(String::new(), |byte| format!(", at `{}`", byte.escape_ascii()));
        Error::invalid_arguments(format_args!("`text` is not {name}{shown}: {kind}"))
    })
}

fn check_percents(text: &str) -> Result<()> {
    for (position, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(position + 1..position + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let shown: String = text[position..].chars().take(3).collect();
            return Err(Error::invalid_arguments(format_args!(
                "`text` is not percent-encoded: `{shown}` should be `%` and two hexadecimal digits, and a plain `%` is `%25`"
            )));
        }
    }
    Ok(())
}
