//! Places that are kept: in key-value, each under `place.` and its name.

use toolyard_plugin::keyvalue::Store;
use toolyard_plugin::{Deserialize, Result, Serialize};

const PREFIX: &str = "place.";

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(crate = "toolyard_plugin::serde")]
pub(crate) struct Coordinates {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

/// Where the place of this name is, if it was kept.
pub(crate) fn kept(name: &str) -> Result<Option<Coordinates>> {
    Ok(Store::open()?.get_json(&key(name))?)
}

/// The same, as the text that was kept.
pub(crate) fn text(name: &str) -> Result<Option<String>> {
    let text = Store::open()?.get(&key(name))?;
    Ok(text.map(String::from_utf8).transpose()?)
}

pub(crate) fn keep(name: &str, at: Coordinates) -> Result<()> {
    let Coordinates { latitude, longitude } = at;
    // Without the `.0` that JSON does not need and other languages do not write.
    Ok(Store::open()?.set(&key(name), format!(r#"{{"latitude":{latitude},"longitude":{longitude}}}"#))?)
}

pub(crate) fn forget(names: &[String]) -> Result<()> {
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    Ok(Store::open()?.delete_many(&keys)?)
}

/// All names, sorted.
pub(crate) fn names() -> Result<Vec<String>> {
    let store = Store::open()?;
    let keys = store.keys().collect::<std::result::Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = keys.iter().filter_map(|key| key.strip_prefix(PREFIX)).map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// A name as it stands in a URI (RFC 3986, 2.3): all but letters, digits and `-._~` percent-encoded.
pub(crate) fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}
