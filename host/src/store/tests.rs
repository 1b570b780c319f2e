//! What any store must do; each backend runs all of it.

mod on_redis;

use super::*;
use crate::clock::now_ms;

const HOUR: Duration = Duration::from_secs(3600);

async fn check(store: &dyn Store) {
    values(store).await;
    streams(store).await;
    kept(store).await;
    kept_in_order(store).await;
    kept_within_bounds(store).await;
    sums(store).await;
    swaps(store).await;
    records(store).await;
    records_due(store).await;
    records_in_groups(store).await;
    records_that_make_room(store).await;
    records_raced_for(store).await;
    notes(store).await;
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
    store.append("other", 1, b"written again", HOUR).await.unwrap();
    assert_eq!(store.read("other", 0).await.unwrap(), [(1, b"written again".to_vec())]);
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

fn write(bytes: &[u8]) -> Write {
    Write { bytes: bytes.to_vec(), expires_ms: in_ms(3_600_000), due: None, group: None }
}

fn in_ms(ms: u64) -> u64 {
    now_ms() + ms
}

async fn records(store: &dyn Store) {
    assert_eq!(store.record("r").await.unwrap(), None);
    assert_eq!(store.write("r", 1, write(b"early")).await.unwrap(), Wrote::Stale, "it is not there");
    assert_eq!(store.write("r", 0, write(b"on\0e")).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("r", 0, write(b"again")).await.unwrap(), Wrote::Stale, "it is there");
    assert_eq!(store.record("r").await.unwrap(), Some(Record { version: 1, bytes: b"on\0e".to_vec() }));
    for was in 1..12 {
        assert_eq!(store.write("r", was, write(was.to_string().as_bytes())).await.unwrap(), Wrote::Done);
        assert_eq!(store.write("r", was, write(b"late")).await.unwrap(), Wrote::Stale);
    }
    assert_eq!(store.record("r").await.unwrap(), Some(Record { version: 12, bytes: b"11".to_vec() }));
    let large = vec![0xff; 1 << 20];
    assert_eq!(store.write("r", 12, write(&large)).await.unwrap(), Wrote::Done);
    assert_eq!(store.record("r").await.unwrap().unwrap().bytes, large);
    // Values are elsewhere.
    assert_eq!(store.get("r").await.unwrap(), None);

    // What expires now is deleted, by whoever has seen the last of it.
    assert_eq!(store.write("r", 1, Write { expires_ms: 0, ..write(b"") }).await.unwrap(), Wrote::Stale);
    assert_eq!(store.write("r", 13, Write { expires_ms: now_ms(), ..write(b"") }).await.unwrap(), Wrote::Done);
    assert_eq!(store.record("r").await.unwrap(), None);
    assert_eq!(store.write("r", 13, write(b"dead")).await.unwrap(), Wrote::Stale);
    assert_eq!(store.write("r", 0, write(b"new")).await.unwrap(), Wrote::Done);
    assert_eq!(store.record("r").await.unwrap().unwrap().version, 1);
    // Never is a time, too.
    assert_eq!(store.write("r", 1, Write { expires_ms: u64::MAX, ..write(b"ever") }).await.unwrap(), Wrote::Done);
    assert_eq!(store.record("r").await.unwrap().unwrap().bytes, b"ever");
}

async fn records_due(store: &dyn Store) {
    let due = |queue: &str, at_ms| Write { due: Some(Due { queue: queue.into(), at_ms }), ..write(b"") };
    for (key, at_ms) in [("due/late", 2000), ("due/b", 1000), ("due/a", 1000), ("due/first", 7), ("due/10", 10)] {
        assert_eq!(store.write(key, 0, due("q", at_ms)).await.unwrap(), Wrote::Done);
    }
    assert_eq!(store.write("elsewhere", 0, due("q2", 1)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("nowhere", 0, write(b"")).await.unwrap(), Wrote::Done);
    assert_eq!(store.due("q", 6, 10).await.unwrap(), [""; 0]);
    assert_eq!(store.due("q", 7, 10).await.unwrap(), ["due/first"]);
    assert_eq!(store.due("q", 1999, 10).await.unwrap(), ["due/first", "due/10", "due/a", "due/b"]);
    assert_eq!(store.due("q", u64::MAX, 3).await.unwrap(), ["due/first", "due/10", "due/a"]);
    assert_eq!(store.due("q", u64::MAX, 0).await.unwrap(), [""; 0]);
    assert_eq!(store.due("none", u64::MAX, 10).await.unwrap(), [""; 0]);

    // Each write says anew where it is due. What was refused moves nothing.
    assert_eq!(store.write("due/first", 1, due("q", 3000)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("due/first", 1, due("q", 0)).await.unwrap(), Wrote::Stale);
    assert_eq!(store.write("due/10", 1, due("q2", 10)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("due/a", 1, write(b"")).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("due/b", 1, Write { expires_ms: 0, ..due("q", 1) }).await.unwrap(), Wrote::Done);
    assert_eq!(store.due("q", u64::MAX, 10).await.unwrap(), ["due/late", "due/first"]);
    assert_eq!(store.due("q2", u64::MAX, 10).await.unwrap(), ["elsewhere", "due/10"]);

    // What has expired is not due, and does not stand before what is.
    for n in 0..20 {
        let soon = Write { expires_ms: in_ms(30), ..due("q3", n) };
        assert_eq!(store.write(&format!("due/soon/{n}"), 0, soon).await.unwrap(), Wrote::Done);
    }
    assert_eq!(store.write("due/stays", 0, due("q3", 100)).await.unwrap(), Wrote::Done);
    until(async || store.due("q3", u64::MAX, 1).await.unwrap() == ["due/stays"]).await;
    assert_eq!(store.record("due/soon/0").await.unwrap(), None);
    assert_eq!(store.write("due/soon/0", 1, write(b"")).await.unwrap(), Wrote::Stale);
    assert_eq!(store.write("due/soon/0", 0, write(b"")).await.unwrap(), Wrote::Done);
    assert_eq!(store.due("q3", u64::MAX, 10).await.unwrap(), ["due/stays"]);
}

fn group(name: &str, max: u64) -> Group {
    Group { name: name.into(), max, when_full: WhenFull::Refuse }
}

async fn records_that_make_room(store: &dyn Store) {
    let member = |expires_ms, max, name: &str| Write {
        group: Some(Group { when_full: WhenFull::Replace, ..group(name, max) }),
        due: Some(Due { queue: "room".into(), at_ms: 1 }),
        ..Write { expires_ms, ..write(b"") }
    };
    let there = async || {
        let mut there = Vec::new();
        for at in 0..9 {
            there.extend(store.record(&format!("room/{at}")).await.unwrap().map(|_| at));
        }
        assert_eq!(store.group_count("room").await.unwrap(), there.len() as u64);
        let mut due = store.due("room", u64::MAX, 99).await.unwrap();
        due.sort();
        assert_eq!(due, there.iter().map(|at| format!("room/{at}")).collect::<Vec<_>>(), "nothing of them stays");
        there
    };
    // In an order of their own: it is expiry that counts.
    for (at, hours) in [(2, 3), (0, 1), (1, 2)] {
        let written = store.write(&format!("room/{at}"), 0, member(in_ms(hours * 3_600_000), 3, "room")).await;
        assert_eq!(written.unwrap(), Wrote::Done);
    }
    assert_eq!(there().await, [0, 1, 2]);
    let late = || in_ms(9 * 3_600_000);
    assert_eq!(store.write("room/3", 0, member(late(), 3, "room")).await.unwrap(), Wrote::Done);
    assert_eq!(there().await, [1, 2, 3]);
    // One that comes from elsewhere enters; one that is in it already takes nobody's place; nor does one that is stale.
    assert_eq!(store.write("room/4", 0, write(b"")).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("room/4", 1, member(late(), 3, "room")).await.unwrap(), Wrote::Done);
    assert_eq!(there().await, [2, 3, 4]);
    assert_eq!(store.write("room/4", 2, member(late(), 3, "room")).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("room/5", 1, member(late(), 3, "room")).await.unwrap(), Wrote::Stale);
    assert_eq!(there().await, [2, 3, 4]);
    // Who enters stays, though it will be the first to expire; and the bound may have been drawn closer.
    assert_eq!(store.write("room/6", 0, member(in_ms(60_000), 1, "room")).await.unwrap(), Wrote::Done);
    assert_eq!(there().await, [6]);
    assert_eq!(store.write("room/7", 0, member(late(), 0, "room")).await.unwrap(), Wrote::Done);
    assert_eq!(there().await, [7]);
}

async fn records_in_groups(store: &dyn Store) {
    let member = |name: &str, max| Write { group: Some(group(name, max)), ..write(b"") };
    assert_eq!(store.group_count("g").await.unwrap(), 0);
    assert_eq!(store.write("g/1", 0, member("g", 0)).await.unwrap(), Wrote::Full);
    assert_eq!(store.record("g/1").await.unwrap(), None);
    assert_eq!(store.write("g/1", 0, member("g", 2)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("g/2", 0, member("g", 2)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("g/3", 0, member("g", 2)).await.unwrap(), Wrote::Full);
    assert_eq!(store.write("g/3", 1, member("g", 2)).await.unwrap(), Wrote::Stale, "said first: it is what counts");
    assert_eq!(store.write("g/3", 0, member("g2", 2)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("g/3", 1, member("g", 2)).await.unwrap(), Wrote::Full);
    assert_eq!(store.record("g/3").await.unwrap().unwrap().version, 1);
    assert_eq!((store.group_count("g").await.unwrap(), store.group_count("g2").await.unwrap()), (2, 1));

    // Who is in it stays, even if the bound was drawn closer; who leaves makes room.
    assert_eq!(store.write("g/1", 1, member("g", 1)).await.unwrap(), Wrote::Done);
    assert_eq!(store.write("g/2", 1, write(b"")).await.unwrap(), Wrote::Done);
    assert_eq!(store.group_count("g").await.unwrap(), 1);
    assert_eq!(store.write("g/3", 1, member("g", 2)).await.unwrap(), Wrote::Done);
    assert_eq!((store.group_count("g").await.unwrap(), store.group_count("g2").await.unwrap()), (2, 0));
    assert_eq!(store.write("g/3", 2, Write { expires_ms: 0, ..member("g", 2) }).await.unwrap(), Wrote::Done);
    assert_eq!(store.group_count("g").await.unwrap(), 1);

    // What has expired makes room too, for one that was not there and for itself.
    let soon = Write { expires_ms: in_ms(30), ..member("g3", 1) };
    assert_eq!(store.write("g/soon", 0, soon.clone()).await.unwrap(), Wrote::Done);
    until(async || store.write("g/next", 0, member("g3", 1)).await.unwrap() == Wrote::Done).await;
    assert_eq!(store.group_count("g3").await.unwrap(), 1);
    assert_eq!(store.write("g/soon", 0, member("g3", 1)).await.unwrap(), Wrote::Full);
    let soon = Write { expires_ms: in_ms(30), ..member("g4", 1) };
    assert_eq!(store.write("g/self", 0, soon).await.unwrap(), Wrote::Done);
    until(async || store.write("g/self", 0, member("g4", 1)).await.unwrap() == Wrote::Done).await;
    assert_eq!(store.group_count("g4").await.unwrap(), 1);
}

async fn records_raced_for(store: &dyn Store) {
    let race = async |was| {
        let writes = (0..50_u8).map(|n| store.write("race", was, write(&[n])));
        let wrote = futures_util::future::join_all(writes).await;
        let wrote: Vec<Wrote> = wrote.into_iter().map(Result::unwrap).collect();
        let winner = wrote.iter().position(|wrote| *wrote == Wrote::Done).expect("one is first");
        assert_eq!(wrote.iter().filter(|wrote| **wrote == Wrote::Stale).count(), 49);
        let is = store.record("race").await.unwrap().unwrap();
        assert_eq!((is.version, is.bytes), (was + 1, vec![u8::try_from(winner).unwrap()]));
    };
    for was in 0..4 {
        race(was).await;
    }

    let enter = |n: usize| {
        let group = Some(group("crowd", 7));
        async move { store.write(&format!("crowd/{n}"), 0, Write { group, ..write(b"") }).await.unwrap() }
    };
    let wrote = futures_util::future::join_all((0..50).map(enter)).await;
    assert_eq!(wrote.iter().filter(|wrote| **wrote == Wrote::Done).count(), 7, "{wrote:?}");
    assert_eq!(store.group_count("crowd").await.unwrap(), 7);
}

async fn notes(store: &dyn Store) {
    store.publish(b"nobody hears it").await.unwrap();
    let (mut one, mut two) = (store.listen(), store.listen());
    for n in 0..100_u8 {
        store.publish(&[0, n]).await.unwrap();
    }
    for listener in [&mut one, &mut two] {
        let expected: Vec<Vec<u8>> = (0..100).map(|n| vec![0, n]).collect();
        assert_eq!(heard(listener, &[0, 99]).await, expected);
    }
}

/// What is heard, from the first that is numbered like `last` up to that one.
async fn heard(listener: &mut broadcast::Receiver<Heard>, last: &[u8]) -> Vec<Vec<u8>> {
    let mut notes = Vec::new();
    let listening = async {
        loop {
            match listener.recv().await.unwrap() {
                Heard::Note(note) if note[0] == last[0] => notes.push(note.to_vec()),
                Heard::Note(_) => {}
                Heard::Gap => panic!("nothing was lost"),
            }
            if notes.last().is_some_and(|note| note == last) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listening).await.expect("it is heard");
    notes
}

/// Waits until the store's clock has gone on.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("what is waited for never came");
}

/// What two that share a store must see of each other.
async fn check_shared(one: &dyn Store, two: &dyn Store) {
    let (mut by_one, mut by_two) = (one.listen(), two.listen());
    let expected: Vec<Vec<u8>> = (0..200).map(|n| vec![1, n]).collect();
    let publish = async |store: &dyn Store, first: u8| {
        for n in 0..200 {
            store.publish(&[first, n]).await.unwrap();
        }
    };
    // While they listen, while they are busy with something else, while somebody begins to listen.
    let work = async {
        for n in 0..50 {
            two.append("work", n, b"x", HOUR).await.unwrap();
        }
        drop(two.listen());
    };
    tokio::join!(publish(one, 1), work, async {
        assert_eq!(heard(&mut by_two, &[1, 199]).await, expected);
    });
    assert_eq!(heard(&mut by_one, &[1, 199]).await, expected, "once each, though they come both ways");
    publish(two, 2).await;
    assert_eq!(heard(&mut by_one, &[2, 199]).await.len(), 200);
    assert_eq!(heard(&mut by_two, &[2, 199]).await.len(), 200);

    // Nobody listens for a while; then somebody does, and hears what comes from then on.
    drop((by_one, by_two));
    publish(one, 3).await;
    let mut again = two.listen();
    one.publish(b"again").await.unwrap();
    assert_eq!(heard(&mut again, b"again").await, [b"again"]);

    let writes = (0..50).map(|n| (if n % 2 == 0 { one } else { two }).write("between", 0, write(b"x")));
    let wrote = futures_util::future::join_all(writes).await;
    assert_eq!(wrote.iter().filter(|wrote| matches!(wrote, Ok(Wrote::Done))).count(), 1, "{wrote:?}");
    assert_eq!(wrote.iter().filter(|wrote| matches!(wrote, Ok(Wrote::Stale))).count(), 49, "{wrote:?}");
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
    check_shared(&one, &two).await;
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
