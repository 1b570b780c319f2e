//! Records. Each operation sees none that has expired, whether it was removed already or not.

use rusqlite::{Connection, OptionalExtension, params};

use super::signed;
use crate::{
    clock::now_ms,
    store::{Group, REPLACED_MAX, Record, WhenFull, Write, Wrote},
};

pub(super) fn read(connection: &Connection, key: &str) -> rusqlite::Result<Option<Record>> {
    connection
        .prepare_cached("SELECT version, bytes FROM record WHERE key = ?1 AND expires_ms > ?2")?
        .query_row(params![key, signed(now_ms())], |row| {
            Ok(Record { version: row.get::<_, i64>(0)?.cast_unsigned(), bytes: row.get(1)? })
        })
        .optional()
}

/// The one statement that writes takes queue and group with it: if it fails, nothing was changed that anybody could see. What
/// it replaces is deleted after it.
pub(super) fn write(connection: &Connection, key: &str, was: u64, write: &Write) -> rusqlite::Result<Wrote> {
    let now = signed(now_ms());
    connection.prepare_cached("DELETE FROM record WHERE key = ?1 AND expires_ms <= ?2")?.execute(params![key, now])?;
    let is: Option<(i64, Option<String>)> = connection
        .prepare_cached("SELECT version, member_of FROM record WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (version, member_of) = is.unwrap_or_default();
    if version.cast_unsigned() != was {
        return Ok(Wrote::Stale);
    }
    let expires_ms = signed(write.expires_ms);
    if expires_ms <= now {
        connection.prepare_cached("DELETE FROM record WHERE key = ?1")?.execute([key])?;
        return Ok(Wrote::Done);
    }
    let group = write.group.as_ref();
    let enters = group.filter(|group| Some(&group.name) != member_of.as_ref());
    let count = enters.map(|group| group_count(connection, &group.name)).transpose()?.unwrap_or_default();
    if let Some(group) = enters
        && group.when_full == WhenFull::Refuse
        && count >= group.max
    {
        return Ok(Wrote::Full);
    }
    connection
        .prepare_cached(
            "INSERT INTO record (key, version, bytes, expires_ms, queue, due_ms, member_of) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, bytes = excluded.bytes,
                 expires_ms = excluded.expires_ms, queue = excluded.queue, due_ms = excluded.due_ms,
                 member_of = excluded.member_of",
        )?
        .execute(params![
            key,
            version + 1,
            write.bytes,
            expires_ms,
            write.due.as_ref().map(|due| &due.queue),
            write.due.as_ref().map(|due| signed(due.at_ms)),
            group.map(|group| &group.name),
        ])?;
    if let Some(group) = enters {
        replace(connection, group, key, (count + 1).saturating_sub(group.max))?;
    }
    Ok(Wrote::Done)
}

/// Deletes so many of a group, those that would expire first, but for the record that has just entered it.
fn replace(connection: &Connection, group: &Group, entered: &str, count: u64) -> rusqlite::Result<()> {
    if count == 0 {
        return Ok(());
    }
    connection
        .prepare_cached(
            "DELETE FROM record WHERE key IN
                 (SELECT key FROM record WHERE member_of = ?1 AND key <> ?2 ORDER BY expires_ms LIMIT ?3)",
        )?
        .execute(params![group.name, entered, count.min(REPLACED_MAX).cast_signed()])
        .map(drop)
}

pub(super) fn due(connection: &Connection, queue: &str, by_ms: u64, limit: usize) -> rusqlite::Result<Vec<String>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT key FROM record WHERE queue = ?1 AND due_ms <= ?2 AND expires_ms > ?3 ORDER BY due_ms, key LIMIT ?4",
        )?
        .query_map(params![queue, signed(by_ms), signed(now_ms()), limit], |row| row.get(0))?
        .collect()
}

pub(super) fn group_count(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    // Those that have expired would be counted still.
    connection
        .prepare_cached("DELETE FROM record WHERE member_of = ?1 AND expires_ms <= ?2")?
        .execute(params![name, signed(now_ms())])?;
    let members: Option<i64> = connection
        .prepare_cached("SELECT members FROM record_group WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(members.unwrap_or_default().cast_unsigned())
}
