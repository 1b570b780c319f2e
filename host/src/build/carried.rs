//! What the program carries: the SDKs, their templates and the contract, as they stand in the checkout it was built from.

/// Every file: its path in the checkout, with `/` between its parts, and what it holds. `build.rs` makes the list.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The files below `folder`: their paths from there, and what they hold.
pub(super) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let below = move |path: &'static str| path.strip_prefix(folder)?.strip_prefix('/');
    FILES.iter().filter_map(move |(path, contents)| Some((below(path)?, *contents)))
}

/// The text of one file.
pub(super) fn text(path: &str) -> Option<&'static str> {
    let (_, contents) = FILES.iter().find(|(other, _)| *other == path)?;
    std::str::from_utf8(contents).ok()
}
