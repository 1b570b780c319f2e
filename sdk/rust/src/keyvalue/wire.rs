//! The host's key-value interfaces.

use super::{Error, Swap};
use crate::bindings::granted::keyvalue::{atomics, batch, store};

pub(crate) use atomics::Cas;
pub(crate) use store::Bucket;

pub(super) fn open(name: &str) -> Result<Bucket, Error> {
    Ok(store::open(name)?)
}

pub(super) fn get(bucket: &Bucket, key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(bucket.get(key)?)
}

pub(super) fn set(bucket: &Bucket, key: &str, value: &[u8]) -> Result<(), Error> {
    Ok(bucket.set(key, value)?)
}

pub(super) fn delete(bucket: &Bucket, key: &str) -> Result<(), Error> {
    Ok(bucket.delete(key)?)
}

pub(super) fn exists(bucket: &Bucket, key: &str) -> Result<bool, Error> {
    Ok(bucket.exists(key)?)
}

pub(super) fn list_keys(bucket: &Bucket, cursor: Option<String>) -> Result<(Vec<String>, Option<String>), Error> {
    let part = bucket.list_keys(cursor.as_deref())?;
    Ok((part.keys, part.cursor))
}

pub(super) fn get_many(bucket: &Bucket, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let values = batch::get_many(bucket, keys)?;
    Ok(values.into_iter().map(|pair| pair.map(|(_, value)| value)).collect())
}

pub(super) fn set_many(bucket: &Bucket, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
    Ok(batch::set_many(bucket, pairs)?)
}

pub(super) fn delete_many(bucket: &Bucket, keys: &[String]) -> Result<(), Error> {
    Ok(batch::delete_many(bucket, keys)?)
}

pub(super) fn increment(bucket: &Bucket, key: &str, delta: i64) -> Result<i64, Error> {
    Ok(atomics::increment(bucket, key, delta)?)
}

pub(super) fn watch(bucket: &Bucket, key: &str) -> Result<Cas, Error> {
    Ok(Cas::new(bucket, key)?)
}

pub(super) fn current(cas: &Cas) -> Result<Option<Vec<u8>>, Error> {
    Ok(cas.current()?)
}

pub(super) fn swap(cas: Cas, value: &[u8]) -> Result<Swap<Cas>, Error> {
    match atomics::swap(cas, value) {
        Ok(()) => Ok(Swap::Done),
        Err(atomics::CasError::CasFailed(now)) => Ok(Swap::Lost(now)),
        Err(atomics::CasError::StoreError(error)) => Err(error.into()),
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoSuchStore => Self::NoSuchStore,
            store::Error::AccessDenied => Self::Denied,
            store::Error::Other(message) => Self::Failed(message),
        }
    }
}
