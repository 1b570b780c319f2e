//! What the tables look like, and how they came to be so.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, failed};

/// What makes of each version of the file the next one, beginning with nothing. A step that was once released stays as it is:
/// there are files that went that way.
const STEPS: [&str; 3] = [
    "CREATE TABLE value (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX value_expiry ON value (expires_ms);
    CREATE TABLE entry (
        stream TEXT NOT NULL, number INTEGER NOT NULL, entry BLOB NOT NULL, expires_ms INTEGER NOT NULL,
        PRIMARY KEY (stream, number)
    ) WITHOUT ROWID;
    CREATE INDEX entry_expiry ON entry (expires_ms);",
    // With row ids: values are large, and keys are listed without them, from the index alone.
    "CREATE TABLE kept (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, key));
    CREATE TABLE kept_usage (space TEXT PRIMARY KEY, keys INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;",
    // Members of a group are counted as they come and go, whoever removes them: to count them each time would cost the more
    // the more there are. Notes are numbered without holes, so that who looks sees whether one is missing.
    "CREATE TABLE record (
        key TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, bytes BLOB NOT NULL, expires_ms INTEGER NOT NULL,
        queue TEXT, due_ms INTEGER, member_of TEXT
    );
    CREATE INDEX record_expiry ON record (expires_ms);
    CREATE INDEX record_due ON record (queue, due_ms, key) WHERE queue IS NOT NULL;
    CREATE INDEX record_member ON record (member_of, expires_ms) WHERE member_of IS NOT NULL;
    CREATE TABLE record_group (name TEXT PRIMARY KEY, members INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TRIGGER record_made AFTER INSERT ON record WHEN new.member_of IS NOT NULL BEGIN
        INSERT INTO record_group VALUES (new.member_of, 1) ON CONFLICT (name) DO UPDATE SET members = members + 1;
    END;
    CREATE TRIGGER record_removed AFTER DELETE ON record WHEN old.member_of IS NOT NULL BEGIN
        UPDATE record_group SET members = members - 1 WHERE name = old.member_of;
        DELETE FROM record_group WHERE name = old.member_of AND members < 1;
    END;
    CREATE TRIGGER record_moved AFTER UPDATE ON record WHEN old.member_of IS NOT new.member_of BEGIN
        UPDATE record_group SET members = members - 1 WHERE name = old.member_of;
        DELETE FROM record_group WHERE name = old.member_of AND members < 1;
        INSERT INTO record_group SELECT new.member_of, 1 WHERE new.member_of IS NOT NULL
            ON CONFLICT (name) DO UPDATE SET members = members + 1;
    END;
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT, sender INTEGER NOT NULL, note BLOB NOT NULL, expires_ms INTEGER NOT NULL
    );
    CREATE INDEX note_expiry ON note (expires_ms);",
];

/// Another number in the file means that another version of the host made it.
const VERSION: i64 = STEPS.len() as i64;

/// Brings the file to the newest version. A file of a version that is not known is left as it is.
pub(super) fn bring_up(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let steps = usize::try_from(version).ok().and_then(|version| STEPS.get(version..));
    let Some(steps) = steps else {
        return Err(StoreError(format!("it has version {version}, and this host knows {VERSION}")));
    };
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    if !steps.is_empty() {
        transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{Change, Room, Sqlite, Store, Write, Wrote};

    #[tokio::test]
    async fn a_file_of_the_first_version_keeps_its_data() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        // As the first version of the host made it.
        let first = Connection::open(&path).unwrap();
        first.pragma_update(None, "journal_mode", "WAL").unwrap();
        first.execute_batch(STEPS[0]).unwrap();
        first.pragma_update(None, "user_version", 1).unwrap();
        first.execute("INSERT INTO value VALUES ('session', x'01', 1 << 60)", []).unwrap();
        first.execute("INSERT INTO entry VALUES ('stream', 7, x'02', 1 << 60)", []).unwrap();

        // Opened while the other is still at work, as in an upgrade without a gap.
        let store = Sqlite::open(&path).unwrap();
        assert_eq!(store.get("session").await.unwrap(), Some(vec![1]));
        assert_eq!(store.read("stream", 0).await.unwrap(), [(7, vec![2])]);
        let change = Change { key: "k".into(), value: Some(vec![3]) };
        store.keep("space", vec![change], Room { keys_max: 1, bytes_max: 2 }).await.unwrap();
        first.execute("INSERT INTO value VALUES ('later', x'04', 1 << 60)", []).unwrap();
        assert_eq!(store.get("later").await.unwrap(), Some(vec![4]));
        drop((first, store));

        let again = Sqlite::open(&path).unwrap();
        assert_eq!(again.kept("space", "k").await.unwrap(), Some(vec![3]));
        again.put("new", b"x", Duration::from_secs(60)).await.unwrap();
        assert_eq!(again.scan("").await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_file_of_the_second_version_keeps_its_data() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        // As the second version of the host made it.
        let second = Connection::open(&path).unwrap();
        second.pragma_update(None, "journal_mode", "WAL").unwrap();
        for step in &STEPS[..2] {
            second.execute_batch(step).unwrap();
        }
        second.pragma_update(None, "user_version", 2).unwrap();
        second.execute("INSERT INTO value VALUES ('session', x'01', 1 << 60)", []).unwrap();
        second.execute("INSERT INTO kept VALUES ('space', 'k', x'02')", []).unwrap();
        second.execute("INSERT INTO kept_usage VALUES ('space', 1, 2)", []).unwrap();

        let store = Sqlite::open(&path).unwrap();
        assert_eq!(store.get("session").await.unwrap(), Some(vec![1]));
        let write = Write { bytes: vec![3], expires_ms: 1 << 60, due: None, group: None };
        assert_eq!(store.write("record", 0, write).await.unwrap(), Wrote::Done);
        // The other is still at work, as in an upgrade without a gap.
        second.execute("UPDATE kept SET value = x'04'", []).unwrap();
        assert_eq!(store.kept("space", "k").await.unwrap(), Some(vec![4]));
        drop((second, store));

        let again = Sqlite::open(&path).unwrap();
        assert_eq!(again.record("record").await.unwrap().unwrap().bytes, [3]);
        assert_eq!(again.kept_usage("space").await.unwrap().keys, 1);
    }

    #[test]
    fn a_file_of_another_version_is_left_alone() {
        for version in [VERSION + 1, 99, -1] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("state.db");
            let other = Connection::open(&path).unwrap();
            other.pragma_update(None, "user_version", version).unwrap();
            let error = Sqlite::open(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("version {version}")), "{error}");
            let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
            assert_eq!(tables, 0);
        }
    }
}
