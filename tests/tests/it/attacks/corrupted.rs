//! Components that are none any more: cut off, changed byte by byte, or lying about themselves.

use std::fs;

use serde_json::json;
use toolyard_tests::{Setup, eventually, guest, undisturbed};

use super::{LIMITS, clean, nothing_is_left};

/// How many of the places where a component could be changed are tried: all would take hours.
const PLACES: usize = 240;

/// The same for one that is served as long as it can be.
const PLACES_OF_CODE: usize = 40;

/// How many components are put into the folder at once.
const AT_ONCE: usize = 60;

/// Every so many bytes, something changed: a bit, a byte, or everything behind it.
fn corrupted() -> Vec<Vec<u8>> {
    // The smallest guest, which is refused for what it imports if for nothing else; and one that is served if it still can be.
    let (small, served) = (guest("stranger"), guest("echo"));
    let step = small.len() / PLACES;
    // Most of what holds a component together is at its beginning and at its end.
    let ends = (0..40).chain(small.len() - 40..small.len());
    let places = ends.chain((0..PLACES).map(|number| number * step + number % step));
    let step = served.len() / PLACES_OF_CODE;
    let places_of_code = (0..PLACES_OF_CODE).map(|number| number * step + number % 3);
    let corrupted = places.map(|place| change(&small, place)).chain(places_of_code.map(|place| change(&served, place)));
    corrupted.chain(lies()).collect()
}

fn change(whole: &[u8], place: usize) -> Vec<u8> {
    let mut component = whole.to_vec();
    match place % 4 {
        0 => component[place] ^= 1 << (place / 4 % 8),
        1 => component[place] = 0xff,
        2 => component[place] = component[place].wrapping_add(1),
        _ => component.truncate(place),
    }
    component
}

/// Components by hand, each of which says something about itself that is not so.
fn lies() -> Vec<Vec<u8>> {
    let header = b"\0asm\x0d\0\x01\0";
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let mut lies = vec![
        b"\0asm".to_vec(),
        b"\0asm\x01\0\0\0".to_vec(),
        b"\0asm\xff\xff\xff\xff".to_vec(),
        // A hundred thousand empty sections.
        [&header[..], &[0, 1, 0].repeat(100_000)].concat(),
    ];
    for section in 0..=12 {
        // As long as a number can say; with as many entries as a number can say; and empty although it has one.
        lies.push([&header[..], &[section], &huge].concat());
        lies.push([&header[..], &[section, 5], &huge].concat());
        lies.push([&header[..], &[section, 1, 1]].concat());
    }
    // Components within components, as deep as there is room.
    let nested = (0..2000).fold(header.to_vec(), |inner, _| [&header[..], &[4], &leb128(inner.len()), &inner].concat());
    lies.push(nested);
    lies
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[test]
fn byte_by_byte() {
    let host = Setup::new().config(LIMITS).cache("").start();
    let components = corrupted();
    assert!(components.len() > 300, "{}", components.len());
    undisturbed(&host, || {
        for (round, components) in components.chunks(AT_ONCE).enumerate() {
            let names: Vec<String> = (0..components.len()).map(|number| format!("c{round}-{number}")).collect();
            for (name, component) in names.iter().zip(components) {
                host.put(&format!("{name}.wasm"), component);
            }
            for name in &names {
                // Each is looked at, and either refused or served.
                let told = |line: &String| {
                    line.contains(&format!("/{name}.wasm\"")) && line.contains("refused")
                        || line.contains(&format!("\"plugin\":\"{name}\"")) && line.contains("loaded")
                };
                eventually(&format!("{name} to be looked at"), || host.log.lines().iter().any(told).then_some(()));
            }
            // One that still loads still only answers.
            for tool in host.tools().iter().filter(|tool| !tool.starts_with("bystander")) {
                let answer = host.modern("tools/call", json!({ "name": tool, "arguments": {} })).answer();
                assert!(answer["result"].is_object() || answer["error"].is_object(), "{tool}: {answer}");
            }
            for name in &names {
                fs::remove_file(host.plugins().join(format!("{name}.wasm"))).expect("a file can be removed");
            }
        }
    });
    host.wait_for_tools(&["bystander_echo"]);
    assert_eq!(host.call("bystander_echo", &json!({ "a": 1 }))["structuredContent"], json!({ "a": 1 }));
    nothing_is_left(&host);
    clean(&host.log.lines());
    host.stop();
}
