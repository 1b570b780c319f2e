//! What any store must do; each backend runs all of it.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

async fn check(store: &dyn Store) {
    values(store).await;
    streams(store).await;
}

async fn values(store: &dyn Store) {
    assert_eq!(store.get("a").await.unwrap(), None);
    store.put("a", b"1", HOUR).await.unwrap();
    store.put("a", b"2", HOUR).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().as_deref(), Some(&b"2"[..]));
    store.delete("a").await.unwrap();
    store.delete("a").await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);

    for key in ["p/2", "p/1", "p%", "p/", "q/1"] {
        store.put(key, key.as_bytes(), HOUR).await.unwrap();
    }
    let keys: Vec<String> = store.scan("p/").await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["p/", "p/1", "p/2"]);

    store.put("gone", b"x", Duration::ZERO).await.unwrap();
    assert_eq!(store.get("gone").await.unwrap(), None);
    assert_eq!(store.scan("gone").await.unwrap(), []);
}

async fn streams(store: &dyn Store) {
    assert_eq!(store.read("s", 0).await.unwrap(), []);
    for number in [1, 2, 10] {
        store.append("s", number, number.to_string().as_bytes(), HOUR).await.unwrap();
    }
    store.append("other", 1, b"not ours", HOUR).await.unwrap();
    let numbers = |entries: Vec<(u64, Vec<u8>)>| entries.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
    assert_eq!(numbers(store.read("s", 0).await.unwrap()), [1, 2, 10]);
    assert_eq!(store.read("s", 2).await.unwrap(), [(10, b"10".to_vec())]);
    assert_eq!(store.read("s", 10).await.unwrap(), []);
    assert_eq!(store.read("s", u64::MAX).await.unwrap(), []);
    store.append("gone", 1, b"x", Duration::ZERO).await.unwrap();
    assert_eq!(store.read("gone", 0).await.unwrap(), []);
}

#[tokio::test]
async fn sqlite_in_memory() {
    check(&Sqlite::in_memory().unwrap()).await;
}

#[tokio::test]
async fn sqlite_in_a_file_that_two_share() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    check(&Sqlite::open(&path).unwrap()).await;
    let (one, two) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
    one.put("shared", b"x", HOUR).await.unwrap();
    assert_eq!(two.get("shared").await.unwrap().as_deref(), Some(&b"x"[..]));
    let writes = (0..100).map(|n| {
        let store: &Sqlite = if n % 2 == 0 { &one } else { &two };
        store.append("race", n, b"x", HOUR)
    });
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    assert_eq!(one.read("race", 0).await.unwrap().len(), 99, "entry 0 is not after 0");
}

#[test]
fn a_file_of_another_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    drop(Sqlite::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Sqlite::open(&path).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
}
