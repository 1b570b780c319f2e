//! JSON that means the same to everybody who reads it.
//!
//! Two readers may take different values from `{"a":1,"a":2}`; what one of them checked is then not what the other one
//! acts on. So a key may stand only once, at every depth, and nesting has a bound.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Arrays and objects inside each other. Within serde_json's own 128, and more than any schema describes.
pub const DEPTH_MAX: usize = 100;

/// Parses `text`, refusing duplicate keys and deep nesting. The error is a sentence with line and column.
pub fn strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut input = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut input)?;
    input.end()?;
    Ok(value)
}

/// Whether arrays and objects are at most [`DEPTH_MAX`] deep in a text, JSON or not. Looks at bytes, and builds nothing.
pub fn is_shallow(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return false;
        }
    }
    true
}

/// Makes a JSON text one line, where it is: line breaks can only stand between tokens, where a space does as well.
pub fn one_line(json: &mut [u8]) {
    for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format_args!("nested more than {DEPTH_MAX} deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            let value = entries.next_value_seed(self.deeper()?)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_json_is_what_serde_json_says() {
        for text in ["null", "[1,-2,3.5,\"x\",true]", r#"{"a":{"b":[{}]},"c":18446744073709551615}"#] {
            assert_eq!(strict(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn depth_is_seen_without_parsing() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_shallow(&nested(DEPTH_MAX)));
        assert!(!is_shallow(&nested(DEPTH_MAX + 1)));
        assert!(is_shallow(&format!("[{}]", vec![nested(DEPTH_MAX - 1); 3].join(","))));
        assert!(is_shallow(&format!("\"{}\"", "[".repeat(1000))));
        assert!(is_shallow(&format!(r#""\"{}""#, "[".repeat(1000))));
        assert!(!is_shallow(&format!(r#""\\"{}"#, "[".repeat(1000))));
    }

    #[test]
    fn one_line_means_the_same() {
        let mut text = b"{\n \"a\": \"x\\ny\",\r\n \"b\": 1}".to_vec();
        let before: Value = serde_json::from_slice(&text).unwrap();
        one_line(&mut text);
        assert!(!text.contains(&b'\n') && !text.contains(&b'\r'));
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), before);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let error = |text: &str| strict(text).unwrap_err().to_string();
        assert!(error(r#"{"a":1,"a":2}"#).starts_with("duplicate key `a`"));
        assert!(error(r#"[{"x":{"a":1,"\u0061":2}}]"#).starts_with("duplicate key `a`"));
        assert!(error(&"[".repeat(10_000)).starts_with("nested more than 100 deep"));
        assert!(error("1 2").starts_with("trailing characters"));
        let deepest = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert!(strict(&deepest).is_ok());
    }
}
