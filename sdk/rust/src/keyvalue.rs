//! Values that outlive a call: `wasi:keyvalue`.
//!
//! A plugin that was granted `[plugin.NAME.grants.keyvalue]` has a store of its own, for each tenant another. Calls run at the same
//! time, on several machines even, so what reads and then writes goes through [`Store::update`]:
//!
//! ```
//! use toolyard_plugin::{Result, keyvalue::Store};
//!
//! fn remember(item: &str) -> Result<u64> {
//!     let store = Store::open()?;
//!     store.update_json("items", |items: Option<Vec<String>>| {
//!         let mut items = items.unwrap_or_default();
//!         items.push(item.to_owned());
//!         Ok(items)
//!     })?;
//!     Ok(store.increment("count", 1)? as u64)
//! }
//! # toolyard_plugin::testing::Grants::none().keyvalue().run(|| {
//! # assert_eq!((remember("tea")?, remember("milk")?), (1, 2));
//! # assert_eq!(Store::open()?.get("items")?.unwrap(), br#"["tea","milk"]"#);
//! # Ok::<(), toolyard_plugin::Error>(())
//! # }).unwrap();
//! ```

#[cfg(target_family = "wasm")]
mod wire;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(target_family = "wasm"))]
use crate::testing::keyvalue as wire;

/// A plugin's values by their keys.
#[derive(Debug)]
pub struct Store {
    bucket: wire::Bucket,
}

/// Why a value could not be had or kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It was not granted.
    Denied,
    /// There is no store of that name.
    NoSuchStore,
    /// It is too large, there are too many, or the store does not answer. In words.
    Failed(String),
    /// A value is not JSON, or not of the shape that was asked for; says which key.
    Unreadable { key: String, reason: String },
}

/// What the host says, before it is known whether somebody else was faster.
pub(crate) enum Swap<C> {
    Done,
    Lost(C),
}

/// How often an update begins again. Each time somebody else's got through, so only a key that many write at once comes near.
const UPDATES_MAX: usize = 1000;

impl Store {
    /// The plugin's store.
    ///
    /// # Errors
    /// [`Error::Denied`] where the operator did not grant one.
    pub fn open() -> Result<Self, Error> {
        Self::open_named("default")
    }

    /// A store by its name, for hosts that have several.
    ///
    /// # Errors
    /// [`Error::Denied`] and [`Error::NoSuchStore`].
    pub fn open_named(name: &str) -> Result<Self, Error> {
        Ok(Self { bucket: wire::open(name)? })
    }

    /// The value of `key`, if it has one.
    ///
    /// # Errors
    /// That the store does not answer.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        wire::get(&self.bucket, key)
    }

    /// Sets `key` to `value`, whatever it was.
    ///
    /// # Errors
    /// That the key or the value is too large, or the store full.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        wire::set(&self.bucket, key, value.as_ref())
    }

    /// Takes `key` away, if it is there.
    ///
    /// # Errors
    /// That the store does not answer.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        wire::delete(&self.bucket, key)
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// That the store does not answer.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        wire::exists(&self.bucket, key)
    }

    /// All keys in their order, fetched part by part.
    ///
    /// ```
    /// # use toolyard_plugin::{keyvalue::Store, testing::Grants};
    /// # Grants::none().keyvalue().run(|| {
    /// let store = Store::open()?;
    /// store.set("b", "2")?;
    /// store.set("a", "1")?;
    /// let keys: Vec<String> = store.keys().collect::<Result<_, _>>()?;
    /// assert_eq!(keys, ["a", "b"]);
    /// # Ok::<(), toolyard_plugin::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn keys(&self) -> Keys<'_> {
        self.keys_with("")
    }

    /// The keys that begin with `prefix`, in their order.
    ///
    /// ```
    /// # use toolyard_plugin::{keyvalue::Store, testing::Grants};
    /// # Grants::none().keyvalue().run(|| {
    /// # let store = Store::open()?;
    /// store.set("order/1", "tea")?;
    /// store.set("total", "1")?;
    /// let orders: Vec<String> = store.keys_with("order/").collect::<Result<_, _>>()?;
    /// assert_eq!(orders, ["order/1"]);
    /// # Ok::<(), toolyard_plugin::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn keys_with<'a>(&'a self, prefix: &'a str) -> Keys<'a> {
        Keys { store: self, prefix, part: Vec::new().into_iter(), next: Next::First }
    }

    /// The values of `keys`, in their order.
    ///
    /// # Errors
    /// That the store does not answer.
    pub fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        wire::get_many(&self.bucket, keys)
    }

    /// Sets several keys at once.
    ///
    /// # Errors
    /// As those of [`Store::set`].
    pub fn set_many(&self, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
        wire::set_many(&self.bucket, pairs)
    }

    /// Takes several keys away.
    ///
    /// # Errors
    /// That the store does not answer.
    pub fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
        wire::delete_many(&self.bucket, keys)
    }

    /// Adds `delta` to the number at `key`, which begins at 0, and gives the sum. One step, whoever else counts.
    ///
    /// # Errors
    /// That what is there is no number.
    pub fn increment(&self, key: &str, delta: i64) -> Result<i64, Error> {
        wire::increment(&self.bucket, key, delta)
    }

    /// Sets `key` to what `change` makes of its value, and gives that. If somebody else writes it meanwhile, `change` is asked again
    /// with what they wrote, so that no update is lost. It therefore has no other effect.
    ///
    /// # Errors
    /// What `change` says, upon which nothing is written, those of the store, and, where others never cease to write,
    /// [`Error::Retryable`](crate::Error::Retryable).
    pub fn update(
        &self,
        key: &str,
        mut change: impl FnMut(Option<&[u8]>) -> crate::Result<Vec<u8>>,
    ) -> crate::Result<Vec<u8>> {
        let mut cas = wire::watch(&self.bucket, key)?;
        for _ in 0..UPDATES_MAX {
            let value = change(wire::current(&cas)?.as_deref())?;
            match wire::swap(cas, &value)? {
                Swap::Done => return Ok(value),
                Swap::Lost(now) => cas = now,
            }
        }
        Err(crate::Error::retryable(format_args!("too many write `{key}` at once; try again")))
    }

    /// The value of `key`, which is JSON.
    ///
    /// # Errors
    /// [`Error::Unreadable`], and those of [`Store::get`].
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.get(key)?.map(|value| from_json(key, &value)).transpose()
    }

    /// Sets `key` to `value` as JSON.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it cannot be said in JSON, and those of [`Store::set`].
    pub fn set_json(&self, key: &str, value: &impl Serialize) -> Result<(), Error> {
        self.set(key, to_json(key, value)?)
    }

    /// [`Store::update`] for a value that is JSON.
    ///
    /// # Errors
    /// What `change` says, [`Error::Unreadable`], and those of the store.
    pub fn update_json<T: DeserializeOwned + Serialize>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> crate::Result<T>,
    ) -> crate::Result<T> {
        let value = self.update(key, |old| {
            let old = old.map(|old| from_json(key, old)).transpose()?;
            Ok(to_json(key, &change(old)?)?)
        })?;
        Ok(from_json(key, &value)?)
    }
}

/// The keys of a [`Store`].
#[derive(Debug)]
pub struct Keys<'a> {
    store: &'a Store,
    prefix: &'a str,
    part: std::vec::IntoIter<String>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    After(String),
    Done,
}

impl Iterator for Keys<'_> {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.part.find(|key| key.starts_with(self.prefix)) {
                return Some(Ok(key));
            }
            let cursor = match std::mem::replace(&mut self.next, Next::Done) {
                Next::First => None,
                Next::After(cursor) => Some(cursor),
                Next::Done => return None,
            };
            match wire::list_keys(&self.store.bucket, cursor) {
                Ok((keys, cursor)) => {
                    self.part = keys.into_iter();
                    self.next = cursor.map_or(Next::Done, Next::After);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("this plugin has no store to keep anything in"),
            Self::NoSuchStore => f.write_str("there is no store of that name"),
            Self::Failed(message) => write!(f, "the store refused: {message}"),
            Self::Unreadable { key, reason } => write!(f, "what is stored as `{key}` cannot be read: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

fn from_json<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|error| unreadable(key, &error))
}

fn to_json(key: &str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| unreadable(key, &error))
}

fn unreadable(key: &str, error: &serde_json::Error) -> Error {
    Error::Unreadable { key: key.to_owned(), reason: error.to_string() }
}
