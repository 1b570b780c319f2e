//! Plugins made to order: guests with something written into them.

use serde_json::Value;

use crate::paths::guest;

/// Where the script begins in `scripted`.
const SCRIPT: &[u8] = b"<<toolyard-script>>:";

/// Where the name of the attack begins in `hostile`.
const ATTACK: &[u8] = b"<<toolyard-attack>>:";

/// The component of a plugin that does what `script` says. What a script can say stands in `tests/guests/scripted`; in
/// short, `{"tools": [{"name": "loop", "act": "spin"}, {"name": "hello", "act": {"say": "Hello"}}]}`.
pub fn scripted(script: &Value) -> Vec<u8> {
    write(guest("scripted"), SCRIPT, &script.to_string())
}

/// The component of a plugin that attacks the host in this way, when its tool `attack` is called or before. The attacks stand
/// in `tests/guests/hostile`.
pub fn hostile(attack: &str) -> Vec<u8> {
    write(guest("hostile"), ATTACK, attack)
}

/// Writes `text` behind the marker, over the spaces that are there.
fn write(mut component: Vec<u8>, marker: &[u8], text: &str) -> Vec<u8> {
    let at = component.windows(marker.len()).position(|window| window == marker).expect("the guest carries its marker");
    let room = &mut component[at + marker.len()..];
    let free = room.iter().take_while(|byte| **byte == b' ').count();
    assert!(text.len() <= free, "a text of {} bytes does not fit into {free}", text.len());
    room[..text.len()].copy_from_slice(text.as_bytes());
    component
}
