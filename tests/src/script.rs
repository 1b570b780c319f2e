//! Plugins made to order: the guest `scripted` with a script written into it.

use serde_json::Value;

use crate::paths::guest;

/// Where the script begins in the component.
const MARKER: &[u8] = b"<<toolyard-script>>:";

/// The component of a plugin that does what `script` says. What a script can say stands in `tests/guests/scripted`; in
/// short, `{"tools": [{"name": "loop", "act": "spin"}, {"name": "hello", "act": {"say": "Hello"}}]}`.
pub fn scripted(script: &Value) -> Vec<u8> {
    let mut component = guest("scripted");
    let text = script.to_string();
    let marker = component
        .windows(MARKER.len())
        .position(|window| window == MARKER)
        .expect("the guest `scripted` carries its marker");
    let room = &mut component[marker + MARKER.len()..];
    let free = room.iter().take_while(|byte| **byte == b' ').count();
    assert!(text.len() <= free, "a script of {} bytes does not fit into {free}", text.len());
    room[..text.len()].copy_from_slice(text.as_bytes());
    component
}
