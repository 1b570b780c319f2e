//! Kept values. What is used of a space is kept beside it and changes in the same transaction, so that it is exact and costs
//! nothing to know.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::failed;
use crate::store::{Change, KeepError, Room, Swapped, Usage};

pub(super) fn value(connection: &Connection, space: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM kept WHERE space = ?1 AND key = ?2")?
        .query_row(params![space, key], |row| row.get(0))
        .optional()
}

pub(super) fn keys(
    connection: &Connection,
    space: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Two statements, since no key is less than the first one can be: the empty key is a key.
    match after {
        Some(after) => connection
            .prepare_cached("SELECT key FROM kept WHERE space = ?1 AND key > ?2 ORDER BY key LIMIT ?3")?
            .query_map(params![space, after, limit], |row| row.get(0))?
            .collect(),
        None => connection
            .prepare_cached("SELECT key FROM kept WHERE space = ?1 ORDER BY key LIMIT ?2")?
            .query_map(params![space, limit], |row| row.get(0))?
            .collect(),
    }
}

pub(super) fn usage(connection: &Connection, space: &str) -> rusqlite::Result<Usage> {
    let usage = connection
        .prepare_cached("SELECT keys, bytes FROM kept_usage WHERE space = ?1")?
        .query_row([space], |row| {
            Ok(Usage { keys: row.get::<_, i64>(0)?.cast_unsigned(), bytes: row.get::<_, i64>(1)?.cast_unsigned() })
        })
        .optional()?;
    Ok(usage.unwrap_or_default())
}

pub(super) fn change(connection: &Connection, space: &str, changes: Vec<Change>, room: Room) -> Result<(), KeepError> {
    // Where a key is changed twice, the last one counts.
    let changes: BTreeMap<String, Option<Vec<u8>>> =
        changes.into_iter().map(|change| (change.key, change.value)).collect();
    let before = usage(connection, space).map_err(failed)?;
    let after = usage_after(connection, space, &changes, before).map_err(failed)?;
    room.admit(before, after)?;
    write(connection, space, &changes, after).map_err(failed)?;
    Ok(())
}

pub(super) fn sum(connection: &Connection, space: &str, key: String, delta: i64, room: Room) -> Result<i64, KeepError> {
    let number = match value(connection, space, &key).map_err(failed)? {
        None => 0,
        Some(bytes) => number(&bytes).ok_or(KeepError::NoNumber)?,
    };
    let sum = number.checked_add(delta).ok_or(KeepError::NoNumber)?;
    change(connection, space, vec![Change { key, value: Some(sum.to_string().into_bytes()) }], room)?;
    Ok(sum)
}

pub(super) fn swap(
    connection: &Connection,
    space: &str,
    was: Option<&[u8]>,
    to: Change,
    room: Room,
) -> Result<Swapped, KeepError> {
    let is = value(connection, space, &to.key).map_err(failed)?;
    if is.as_deref() != was {
        return Ok(Swapped::Not(is));
    }
    change(connection, space, vec![to], room)?;
    Ok(Swapped::Done)
}

fn number(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn usage_after(
    connection: &Connection,
    space: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
    before: Usage,
) -> rusqlite::Result<Usage> {
    let mut usage = before;
    let mut length = connection.prepare_cached("SELECT length(value) FROM kept WHERE space = ?1 AND key = ?2")?;
    for (key, value) in changes {
        let key_bytes = key.len() as u64;
        let old: Option<i64> = length.query_row(params![space, key], |row| row.get(0)).optional()?;
        if let Some(old) = old {
            usage.keys = usage.keys.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(key_bytes + old.cast_unsigned());
        }
        if let Some(value) = value {
            usage.keys += 1;
            usage.bytes += key_bytes + value.len() as u64;
        }
    }
    Ok(usage)
}

/// Writes all of it or nothing. The transaction around it is shared with others, whose work must not suffer if this fails.
fn write(
    connection: &Connection,
    space: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
    after: Usage,
) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT keep")?;
    let written = write_each(connection, space, changes, after);
    if written.is_err() {
        connection.execute_batch("ROLLBACK TO keep")?;
    }
    connection.execute_batch("RELEASE keep")?;
    written
}

fn write_each(
    connection: &Connection,
    space: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
    after: Usage,
) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached(
        "INSERT INTO kept (space, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (space, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM kept WHERE space = ?1 AND key = ?2")?;
    for (key, value) in changes {
        match value {
            Some(value) => set.execute(params![space, key, value])?,
            None => delete.execute(params![space, key])?,
        };
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO kept_usage (space, keys, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![space, after.keys.cast_signed(), after.bytes.cast_signed()])
        .map(drop)
}
