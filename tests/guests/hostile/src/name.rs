//! Which attack this is: what the harness wrote into the component.

/// Where the name begins. The harness looks for this, and writes behind it.
const MARKER: [u8; 20] = *b"<<toolyard-attack>>:";

/// How much room a name has.
const ROOM: usize = 64;

/// The marker and the room behind it, filled with spaces.
static NAME: [u8; MARKER.len() + ROOM] = {
    let mut name = [b' '; MARKER.len() + ROOM];
    let mut at = 0;
    while at < MARKER.len() {
        name[at] = MARKER[at];
        at += 1;
    }
    name
};

/// Reads the name, as if the bytes were not known when this was compiled: they are not.
pub(crate) fn read() -> &'static str {
    let name = &std::hint::black_box(&NAME)[MARKER.len()..];
    std::str::from_utf8(name).expect("the harness writes a name").trim_end()
}
