//! jq's values as JSON text. They can be more than JSON: bytes, infinities, keys that are not strings.

use std::fmt::Write;

use jaq_json::{Num, Val};
use toolyard_plugin::{Error, RawValue, Result, serde_json};

/// Deeper than any data, and shallow enough for whoever reads it recursively.
const DEPTH_MAX: usize = 128;

/// The value as JSON.
pub(crate) fn json_text(value: &Val) -> Result<String> {
    let mut text = String::new();
    write_value(&mut text, value, 0)?;
    Ok(text)
}

/// A string as it is, anything else as JSON.
pub(crate) fn raw_text(value: &Val) -> Result<String> {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        _ => json_text(value),
    }
}

fn write_value(text: &mut String, value: &Val, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Error::Failed(format!("an output is nested deeper than {DEPTH_MAX}: flatten it")));
    }
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Val::Num(number) => write_number(text, number)?,
        Val::BStr(bytes) | Val::TStr(bytes) => write_string(text, bytes)?,
        Val::Arr(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item, depth + 1)?;
            }
            text.push(']');
        }
        Val::Obj(entries) => {
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                let (Val::TStr(key) | Val::BStr(key)) = key else {
                    return Err(Error::Failed(format!(
                        "an output has an object with the key {key}, which is not a string: use `tostring` on it"
                    )));
                };
                write_string(text, key)?;
                text.push(':');
                write_value(text, value, depth + 1)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(text: &mut String, bytes: &[u8]) -> Result<()> {
    text.push_str(&serde_json::to_string(&String::from_utf8_lossy(bytes))?);
    Ok(())
}

fn write_number(text: &mut String, number: &Num) -> Result<()> {
    match number {
        Num::Int(integer) => write!(text, "{integer}")?,
        Num::BigInt(integer) => write!(text, "{integer}")?,
        Num::Float(float) => write_float(text, *float)?,
        // Digits as somebody wrote them. `"+1.0" | tonumber` is one that JSON does not know.
        Num::Dec(digits) if serde_json::from_str::<&RawValue>(digits).is_ok() => text.push_str(digits),
        Num::Dec(digits) => write_float(text, digits.parse().unwrap_or(f64::NAN))?,
    }
    Ok(())
}

// As jq does it: what is no number is null, and what is infinite is as large as can be said.
fn write_float(text: &mut String, float: f64) -> Result<()> {
    if float.is_nan() {
        text.push_str("null");
    } else {
        text.push_str(&serde_json::to_string(&float.clamp(f64::MIN, f64::MAX))?);
    }
    Ok(())
}
