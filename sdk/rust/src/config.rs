//! What the operator set for this plugin: `wasi:config`.
//!
//! The values stand in the host's configuration, under `[plugin.NAME.grants.config]`; a key of
//! `[plugin.NAME.grants.secrets]` gives a secret's value under that key. There is nothing where the operator wrote nothing, so
//! every setting needs a default or an error of its own:
//!
//! ```
//! use toolyard_plugin::{Error, Result, config};
//!
//! fn region() -> String {
//!     config::get("region").unwrap_or_else(|| "eu".into())
//! }
//!
//! fn key() -> Result<String> {
//!     config::get("api_key").ok_or_else(|| Error::failed("this tool is not set up: it has no `api_key`"))
//! }
//! # toolyard_plugin::testing::Grants::none().config("api_key", "k").run(|| assert_eq!((region(), key().unwrap()), ("eu".into(), "k".into())));
//! ```

use std::fmt::Display;
use std::str::FromStr;

use crate::{Error, Result};

/// The setting `key`, if the operator made it.
pub fn get(key: &str) -> Option<String> {
    host::get(key)
}

/// The setting `key` as a number, a `bool`, or whatever else can be read from text.
///
/// ```
/// # use toolyard_plugin::{config, testing::Grants};
/// # Grants::none().config("limit", "12").config("fast", "yes").run(|| {
/// assert_eq!(config::read("limit")?, Some(12));
/// assert_eq!(config::read::<u32>("missing")?, None);
/// assert!(config::read::<bool>("fast").is_err());
/// # Ok::<(), toolyard_plugin::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// That it cannot be read as that, by the name of the key and without its value.
pub fn read<T: FromStr<Err: Display>>(key: &str) -> Result<Option<T>> {
    let read = |text: String| text.trim().parse();
    let wrong = |error| Error::failed(format_args!("the operator's setting `{key}` cannot be used: {error}"));
    get(key).map(read).transpose().map_err(wrong)
}

/// All settings, by key.
pub fn all() -> Vec<(String, String)> {
    host::all()
}

// The interface allows for errors of the place that settings come from. The host has them in memory, so there are none;
// another host's would leave a plugin with what it has: its defaults.
#[cfg(target_family = "wasm")]
mod host {
    use crate::bindings::granted::config::store;

    pub(super) fn get(key: &str) -> Option<String> {
        store::get(key).ok().flatten()
    }

    pub(super) fn all() -> Vec<(String, String)> {
        store::get_all().unwrap_or_default()
    }
}

#[cfg(not(target_family = "wasm"))]
mod host {
    use crate::testing::grants::with;

    pub(super) fn get(key: &str) -> Option<String> {
        with(|grants| grants.config.get(key).cloned())
    }

    pub(super) fn all() -> Vec<(String, String)> {
        with(|grants| grants.config.clone().into_iter().collect())
    }
}
