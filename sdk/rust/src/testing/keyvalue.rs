//! The store of native tests: values in memory, with the same rules about who was first.

use super::grants::with;
use crate::keyvalue::{Error, Swap};

#[derive(Debug)]
pub(crate) struct Bucket;

/// A key, and what was there.
#[derive(Debug)]
pub(crate) struct Cas {
    key: String,
    value: Option<Vec<u8>>,
}

/// Small, so that tests of plugins see more than one part.
const KEYS_IN_A_PART: usize = 10;

pub(crate) fn open(name: &str) -> Result<Bucket, Error> {
    with(|grants| match (&grants.keyvalue, name) {
        (None, _) => Err(Error::Denied),
        (Some(_), "default") => Ok(Bucket),
        (Some(_), _) => Err(Error::NoSuchStore),
    })
}

pub(crate) fn get(_: &Bucket, key: &str) -> Result<Option<Vec<u8>>, Error> {
    with(|grants| Ok(grants.keyvalue.as_ref().ok_or(Error::Denied)?.get(key).cloned()))
}

pub(crate) fn set(bucket: &Bucket, key: &str, value: &[u8]) -> Result<(), Error> {
    set_many(bucket, &[(key.to_owned(), value.to_owned())])
}

pub(crate) fn delete(bucket: &Bucket, key: &str) -> Result<(), Error> {
    delete_many(bucket, &[key.to_owned()])
}

pub(crate) fn exists(bucket: &Bucket, key: &str) -> Result<bool, Error> {
    Ok(get(bucket, key)?.is_some())
}

pub(crate) fn list_keys(_: &Bucket, cursor: Option<String>) -> Result<(Vec<String>, Option<String>), Error> {
    with(|grants| {
        let values = grants.keyvalue.as_ref().ok_or(Error::Denied)?;
        let after = |key: &&String| cursor.as_ref().is_none_or(|cursor| *key > cursor);
        let keys: Vec<String> = values.keys().filter(after).take(KEYS_IN_A_PART).cloned().collect();
        let more = keys.last().filter(|last| values.keys().next_back() != Some(last)).cloned();
        Ok((keys, more))
    })
}

pub(crate) fn get_many(bucket: &Bucket, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    keys.iter().map(|key| get(bucket, key)).collect()
}

pub(crate) fn set_many(_: &Bucket, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
    with(|grants| {
        grants.keyvalue.as_mut().ok_or(Error::Denied)?.extend(pairs.iter().cloned());
        Ok(())
    })
}

pub(crate) fn delete_many(_: &Bucket, keys: &[String]) -> Result<(), Error> {
    with(|grants| {
        let values = grants.keyvalue.as_mut().ok_or(Error::Denied)?;
        values.retain(|key, _| !keys.contains(key));
        Ok(())
    })
}

pub(crate) fn increment(bucket: &Bucket, key: &str, delta: i64) -> Result<i64, Error> {
    let number = |value: Vec<u8>| String::from_utf8(value).ok()?.parse::<i64>().ok();
    let old = get(bucket, key)?.map_or(Some(0), number);
    let sum = old.and_then(|old| old.checked_add(delta));
    let sum = sum.ok_or_else(|| Error::Failed("the value is no number, or the sum is too large".into()))?;
    set(bucket, key, sum.to_string().as_bytes())?;
    Ok(sum)
}

pub(crate) fn watch(bucket: &Bucket, key: &str) -> Result<Cas, Error> {
    Ok(Cas { key: key.to_owned(), value: get(bucket, key)? })
}

pub(crate) fn current(cas: &Cas) -> Result<Option<Vec<u8>>, Error> {
    Ok(cas.value.clone())
}

#[expect(clippy::needless_pass_by_value, reason = "the host's handle is used up, too")]
pub(crate) fn swap(cas: Cas, value: &[u8]) -> Result<Swap<Cas>, Error> {
    let now = watch(&Bucket, &cas.key)?;
    if now.value != cas.value {
        return Ok(Swap::Lost(now));
    }
    set(&Bucket, &cas.key, value)?;
    Ok(Swap::Done)
}
