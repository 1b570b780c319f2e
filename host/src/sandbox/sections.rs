//! What a component carries beside its code: custom sections.

use wasmparser::{ComponentType, Parser, Payload};

/// The section in which an SDK writes the plugin's wishes.
const WISHES: &str = "toolyard:wishes";

/// The section in which tools of the component model write the doc comments of WIT.
const DOCS: &str = "package-docs";

/// The text of a component's wishes, if it carries some. The section may be the component's own or that of a module in it.
pub fn wishes(component: &[u8]) -> Result<Option<&str>, String> {
    for payload in Parser::new(0).parse_all(component) {
        // What does not parse is for the compiler to refuse.
        let Ok(payload) = payload else { return Ok(None) };
        if let Payload::CustomSection(section) = payload
            && section.name() == WISHES
        {
            return std::str::from_utf8(section.data())
                .map(Some)
                .map_err(|_| format!("its section {WISHES} is not UTF-8"));
        }
    }
    Ok(None)
}

/// What a component carries of doc comments, in the form that `wit-parser` gives them: its own, and those of what is in it.
pub(super) fn package_docs(component: &[u8]) -> impl Iterator<Item = &[u8]> {
    let payloads = Parser::new(0).parse_all(component).map_while(Result::ok);
    payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) if section.name() == DOCS => Some(section.data()),
        _ => None,
    })
}

/// A section with wishes, to stand behind the last of a component's.
pub fn wishes_section(wishes: &str) -> Vec<u8> {
    let name = [&leb128(WISHES.len())[..], WISHES.as_bytes()].concat();
    // Section 0 is a custom one.
    [&[0][..], &leb128(name.len() + wishes.len()), &name, wishes.as_bytes()].concat()
}

/// A number as the binary format writes lengths.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Whether a component defines resources of its own.
///
/// Handles to them are kept by the engine, outside of the guest's memory and of every limit: a guest that made them in a loop
/// would fill the host's memory within its processor time.
pub fn defines_resources(component: &[u8]) -> bool {
    let payloads = Parser::new(0).parse_all(component).map_while(Result::ok);
    let mut types = payloads.filter_map(|payload| match payload {
        Payload::ComponentTypeSection(section) => Some(section),
        _ => None,
    });
    types.any(|section| section.into_iter().any(|ty| matches!(ty, Ok(ComponentType::Resource { .. }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that is nothing but a custom section.
    fn component(name: &str, data: &[u8]) -> Vec<u8> {
        let mut section = vec![u8::try_from(name.len()).unwrap()];
        section.extend_from_slice(name.as_bytes());
        section.extend_from_slice(data);
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        component.extend([0, u8::try_from(section.len()).unwrap()]);
        component.extend(section);
        component
    }

    #[test]
    fn resources_are_found() {
        // A type section (7) with one type: a resource (0x3f) that is an i32 (0x7f), without a destructor (0).
        let resource = b"\0asm\x0d\0\x01\0\x07\x04\x01\x3f\x7f\0";
        assert!(defines_resources(resource));
        // The same within another component (section 4).
        let nested = [b"\0asm\x0d\0\x01\0\x04\x0e", &resource[..]].concat();
        assert!(defines_resources(&nested));
        assert!(!defines_resources(&component(WISHES, b"")));
        assert!(!defines_resources(b"not wasm"));
    }

    #[test]
    fn wishes_are_found() {
        assert_eq!(wishes(&component(WISHES, b"[keyvalue]")), Ok(Some("[keyvalue]")));
        assert_eq!(wishes(&component("name", b"x")), Ok(None));
        assert!(wishes(&component(WISHES, &[0xff])).is_err());
        assert_eq!(wishes(b"not wasm"), Ok(None));
    }
}
