//! What any store must do; each backend runs all of it.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

async fn check(store: &dyn Store) {
    values(store).await;
    streams(store).await;
    kept(store).await;
    kept_in_order(store).await;
    kept_within_bounds(store).await;
    sums(store).await;
    swaps(store).await;
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

const ROOM: Room = Room { keys_max: 100, bytes_max: 1000 };

fn set(key: &str, value: &[u8]) -> Change {
    Change { key: key.to_owned(), value: Some(value.to_vec()) }
}

fn delete(key: &str) -> Change {
    Change { key: key.to_owned(), value: None }
}

/// What is used must be what is there.
async fn used(store: &dyn Store, space: &str) -> (u64, u64) {
    let (mut keys, mut bytes) = (0, 0);
    for key in store.kept_keys(space, None, 1000).await.unwrap() {
        keys += 1;
        bytes += key.len() + store.kept(space, &key).await.unwrap().unwrap().len();
    }
    assert_eq!(store.kept_usage(space).await.unwrap(), Usage { keys, bytes: bytes as u64 });
    (keys, bytes as u64)
}

fn is_full<T: std::fmt::Debug>(result: &Result<T, KeepError>, bound: Full) -> bool {
    matches!(result, Err(KeepError::Full(full)) if *full == bound)
}

async fn kept(store: &dyn Store) {
    assert_eq!(store.kept("a", "k").await.unwrap(), None);
    assert_eq!(used(store, "a").await, (0, 0));
    store.keep("a", vec![set("k", b"one")], ROOM).await.unwrap();
    store.keep("a", vec![set("k", b"fo\0ur")], ROOM).await.unwrap();
    store.keep("a/b", vec![set("k", b"another space")], ROOM).await.unwrap();
    assert_eq!(store.kept("a", "k").await.unwrap().as_deref(), Some(&b"fo\0ur"[..]));
    assert_eq!(used(store, "a").await, (1, 6));

    // All of it, or nothing; the last change of a key counts; what is not there can be deleted.
    let changes = vec![set("x", b"1"), set("x", b"22"), delete("k"), delete("none"), set("y", b""), delete("y")];
    store.keep("a", changes, ROOM).await.unwrap();
    assert_eq!(store.kept("a", "x").await.unwrap().as_deref(), Some(&b"22"[..]));
    assert_eq!(store.kept("a", "k").await.unwrap(), None);
    assert_eq!(used(store, "a").await, (1, 3));
    store.keep("a", vec![delete("x")], ROOM).await.unwrap();
    assert_eq!(used(store, "a").await, (0, 0));
    assert_eq!(store.kept("a/b", "k").await.unwrap().as_deref(), Some(&b"another space"[..]));
    // Expiring values are elsewhere.
    assert_eq!(store.get("k").await.unwrap(), None);
}

async fn kept_in_order(store: &dyn Store) {
    let keys = ["", "\0", "\0\0", "a", "a\0", "a\0b", "aa", "b", "ä", "\u{1f980}"];
    let long = "k".repeat(300);
    store.keep("order", keys.iter().rev().map(|key| set(key, b"")).collect(), ROOM).await.unwrap();
    store.keep("order", vec![set(&long, b"long")], ROOM).await.unwrap();
    let mut expected: Vec<&str> = keys.iter().copied().chain([long.as_str()]).collect();
    expected.sort_unstable();
    assert_eq!(store.kept_keys("order", None, 100).await.unwrap(), expected);
    for (page, rest) in [(1, &expected[1..]), (4, &expected[4..])] {
        let first = store.kept_keys("order", None, page).await.unwrap();
        assert_eq!(first, expected[..page]);
        let next = store.kept_keys("order", first.last().map(String::as_str), 100).await.unwrap();
        assert_eq!(next, rest);
    }
    assert_eq!(store.kept_keys("order", Some("a\0a"), 1).await.unwrap(), ["a\0b"], "the key need not be there");
    assert_eq!(store.kept_keys("order", None, 0).await.unwrap(), [""; 0]);
    assert_eq!(store.kept_keys("order", Some("\u{10ffff}"), 9).await.unwrap(), [""; 0]);
    assert_eq!(used(store, "order").await.0, 11);
}

async fn kept_within_bounds(store: &dyn Store) {
    let room = Room { keys_max: 3, bytes_max: 20 };
    store.keep("full", vec![set("a", b"1"), set("b", b"2"), set("c", b"3")], room).await.unwrap();
    assert!(is_full(&store.keep("full", vec![set("d", b"")], room).await, Full::Keys));
    // A batch that does not fit leaves nothing behind, and one that makes its own room fits.
    assert!(is_full(&store.keep("full", vec![delete("a"), set("d", b""), set("e", b"")], room).await, Full::Keys));
    assert_eq!(used(store, "full").await, (3, 6));
    store.keep("full", vec![delete("a"), set("d", b"4")], room).await.unwrap();
    assert_eq!(used(store, "full").await, (3, 6));

    assert!(is_full(&store.keep("full", vec![set("d", &[0; 16])], room).await, Full::Bytes));
    store.keep("full", vec![set("d", &[0; 15])], room).await.unwrap();
    assert_eq!(used(store, "full").await, (3, 20));
    assert!(is_full(&store.keep_sum("full", "b", 8, room).await.map(drop), Full::Bytes));
    assert!(is_full(&store.keep_if("full", "b", Some(b"2"), b"22", room).await, Full::Bytes));
    assert_eq!(store.kept("full", "b").await.unwrap().as_deref(), Some(&b"2"[..]));

    // Bounds that were drawn closer keep nobody from tidying up, in steps.
    let closer = Room { keys_max: 1, bytes_max: 1 };
    store.keep("full", vec![set("d", &[0; 14])], closer).await.unwrap();
    store.keep("full", vec![set("b", b"3")], closer).await.unwrap();
    store.keep("full", vec![delete("c")], closer).await.unwrap();
    assert!(is_full(&store.keep("full", vec![set("c", b"")], closer).await, Full::Keys));
    assert_eq!(used(store, "full").await, (2, 17));
}

async fn sums(store: &dyn Store) {
    assert_eq!(store.keep_sum("sums", "n", 5, ROOM).await.unwrap(), 5);
    assert_eq!(store.keep_sum("sums", "n", -15, ROOM).await.unwrap(), -10);
    assert_eq!(store.kept("sums", "n").await.unwrap().as_deref(), Some(&b"-10"[..]));
    store.keep("sums", vec![set("max", i64::MAX.to_string().as_bytes())], ROOM).await.unwrap();
    assert!(matches!(store.keep_sum("sums", "max", 1, ROOM).await, Err(KeepError::NoNumber)));
    assert_eq!(store.keep_sum("sums", "max", i64::MIN, ROOM).await.unwrap(), -1);
    for text in [&b""[..], b"1.0", b" 1", b"0x1", b"9223372036854775808", b"\xff", b"1\0"] {
        store.keep("sums", vec![set("text", text)], ROOM).await.unwrap();
        assert!(matches!(store.keep_sum("sums", "text", 0, ROOM).await, Err(KeepError::NoNumber)), "{text:?}");
        assert_eq!(store.kept("sums", "text").await.unwrap().as_deref(), Some(text));
    }
    for sum in futures_util::future::join_all((0..100).map(|_| store.keep_sum("sums", "many", 1, ROOM))).await {
        sum.unwrap();
    }
    assert_eq!(store.kept("sums", "many").await.unwrap().as_deref(), Some(&b"100"[..]));
    used(store, "sums").await;
}

async fn swaps(store: &dyn Store) {
    let swap = |was, value| store.keep_if("swaps", "k", was, value, ROOM);
    assert_eq!(swap(Some(b""), b"x").await.unwrap(), Swapped::Not(None), "absent is not empty");
    assert_eq!(swap(None, b"").await.unwrap(), Swapped::Done);
    assert_eq!(swap(None, b"x").await.unwrap(), Swapped::Not(Some(Vec::new())));
    assert_eq!(swap(Some(b""), b"2").await.unwrap(), Swapped::Done);
    assert_eq!(swap(Some(b""), b"3").await.unwrap(), Swapped::Not(Some(b"2".to_vec())));
    assert_eq!(store.kept("swaps", "k").await.unwrap().as_deref(), Some(&b"2"[..]));
    let racers = futures_util::future::join_all([b"a", b"b", b"c"].map(|value| swap(Some(b"2"), value))).await;
    let won = racers.iter().filter(|swapped| matches!(swapped, Ok(Swapped::Done))).count();
    assert_eq!(won, 1, "{racers:?}");
    assert_eq!(used(store, "swaps").await, (1, 2));
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
    let sums = (0..100).map(|n| (if n % 2 == 0 { &one } else { &two }).keep_sum("race", "n", 1, ROOM));
    for sum in futures_util::future::join_all(sums).await {
        sum.unwrap();
    }
    assert_eq!(used(&two, "race").await, (1, 4));
    assert_eq!(one.kept("race", "n").await.unwrap().as_deref(), Some(&b"100"[..]));
}

#[tokio::test]
async fn sqlite_keeps_what_it_was_given_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = Sqlite::open(&path).unwrap();
    store.keep("s", vec![set("k", b"v")], ROOM).await.unwrap();
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.kept("s", "k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(used(&store, "s").await, (1, 2));
}
