//! The checks of a modern request's envelope, said once more: from `ARCHITECTURE.md`, not from `modern/check.rs`.

use http::{HeaderMap, HeaderValue};

/// What the checks of a modern request give, up to the name: the code, or nothing if all is well.
pub(super) fn envelope(headers: &HeaderMap, version: &str, capable: bool, method: &str, name: &str) -> Option<i32> {
    const METHODS: [&str; 10] = [
        "server/discover",
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "completion/complete",
        "subscriptions/listen",
    ];
    let says = |header: &str| {
        let values: Vec<&HeaderValue> = headers.get_all(header).iter().collect();
        let [value] = values.as_slice() else { return None };
        let visible = value.as_bytes().iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        visible.then(|| String::from_utf8_lossy(value.as_bytes()).trim_matches([' ', '\t']).to_owned())
    };
    if says("mcp-protocol-version").as_deref() != Some(version) {
        return Some(-32020);
    }
    if !capable {
        return Some(-32602);
    }
    if version != "2026-07-28" {
        return Some(-32022);
    }
    if says("mcp-method").as_deref() != Some(method) {
        return Some(-32020);
    }
    if !METHODS.contains(&method) {
        return Some(-32601);
    }
    let named = ["tools/call", "prompts/get", "resources/read"].contains(&method);
    (named && says("mcp-name").and_then(decoded).as_deref() != Some(name)).then_some(-32020)
}

/// A header's value, decoded if it has both ends of the marker.
fn decoded(value: String) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(base64(encoded.as_bytes())?).ok(),
        None => Some(value),
    }
}

/// RFC 4648, section 4, with all that it says an implementation may be lenient in refused.
fn base64(encoded: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut rest) = (Vec::new(), encoded);
    while let Some((group, after)) = rest.split_first_chunk::<4>() {
        let padding = if after.is_empty() { group.iter().rev().take_while(|digit| **digit == b'=').count() } else { 0 };
        let digits = group.get(..4 - padding).filter(|digits| digits.len() >= 2)?;
        let value = digits.iter().try_fold(0_u32, |value, digit| {
            Some(value << 6 | u32::try_from(DIGITS.iter().position(|known| known == digit)?).ok()?)
        })?;
        let value = value << (6 * padding);
        let value = value.to_be_bytes();
        let (kept, dropped) = value[1..].split_at(3 - padding);
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
        rest = after;
    }
    rest.is_empty().then_some(bytes)
}
