//! Redis as a store, with a real server that comes and goes.

#[path = "../../../../tests/src/ports.rs"]
mod ports;
#[expect(unreachable_pub, dead_code, reason = "written for the tests of the whole, which use the rest")]
#[path = "../../../../tests/src/redis.rs"]
mod server;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use self::server::Setup;
use super::*;
use crate::config::{Secret, SharedStore};

async fn redis(url: &str) -> Redis {
    redis_with(url, "toolyard", Credentials::default()).await.unwrap()
}

async fn redis_with(url: &str, prefix: &str, credentials: Credentials) -> Result<Redis, StoreError> {
    let url = url.parse().unwrap();
    let prefix = prefix.into();
    let shared = SharedStore { url, password: None, sentinel_password: None, prefix, ca_files: Vec::new() };
    Redis::connect(&shared, &credentials).await
}

#[tokio::test]
async fn redis_that_two_share() {
    let server = server::Redis::start();
    let (one, two) = (redis(&server.url()).await, redis(&server.url()).await);
    check(&one).await;
    check_shared(&one, &two).await;
    // What was counted is what is there, and nothing of an operation stays but what is told to expire.
    assert_eq!(used(&two, "race").await, (0, 0));
    for _ in 0..100 {
        one.keep_sum("race", "n", 1, ROOM).await.unwrap();
    }
    assert_eq!(used(&two, "race").await, (1, 4));
    let done = server.ask("SCAN 0 MATCH *done:* COUNT 100000");
    let done: Vec<&str> = done.split("\r\n").filter(|key| key.contains("done:")).collect();
    assert!(done.len() >= 100, "{done:?}");
    assert!(server.ask("EXISTS toolyard:{k:race}:sum").contains(":0"));
}

#[tokio::test]
async fn redis_shared_by_strangers() {
    let server = server::Redis::start();
    let one = redis(&server.url()).await;
    let two = redis_with(&server.url(), "other/yard", Credentials::default()).await.unwrap();
    let mut heard = two.listen();
    one.put("k", b"one", HOUR).await.unwrap();
    one.write("k", 0, write(b"one")).await.unwrap();
    one.publish(b"one").await.unwrap();
    two.publish(b"two").await.unwrap();
    assert_eq!(two.get("k").await.unwrap(), None);
    assert_eq!(two.record("k").await.unwrap(), None);
    assert_eq!(heard.recv().await.unwrap(), Heard::Note(b"two"[..].into()));
    // Another database is another place too, but for notes, which the server tells to all.
    let third = redis(&format!("{}/3", server.url())).await;
    assert_eq!(third.get("k").await.unwrap(), None);
}

#[tokio::test]
async fn redis_with_a_password() {
    let server = Setup::new().password("hunter2").start();
    let url = server.url();
    let store = redis_with(&url, "toolyard", password("hunter2")).await.unwrap();
    store.put("k", b"v", HOUR).await.unwrap();
    for wrong in [Credentials::default(), password("hunter3")] {
        let error = redis_with(&url, "toolyard", wrong).await.unwrap_err().to_string();
        assert!(error.contains(&url) && !error.contains("hunter"), "{error}");
    }
}

fn password(password: &str) -> Credentials {
    Credentials { password: Some(Secret::of(password)), ..Credentials::default() }
}

#[tokio::test]
async fn redis_of_a_newer_version_is_left_alone() {
    let server = server::Redis::start();
    drop(redis(&server.url()).await);
    assert_eq!(server.ask("GET toolyard:schema"), "1");
    assert_eq!(server.ask("SET toolyard:schema 2"), "+OK");
    let error = redis_with(&server.url(), "toolyard", Credentials::default()).await.unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains("newer host"), "{error}");
    assert_eq!(server.ask("DBSIZE"), ":1");
}

#[tokio::test]
async fn redis_that_is_full_refuses_whole_operations() {
    let server = server::Redis::start();
    let store = redis(&server.url()).await;
    let placed = |queue: &str, group: &str| Write {
        due: Some(Due { queue: queue.into(), at_ms: 1 }),
        group: Some(super::group(group, 1)),
        ..write(b"x")
    };
    assert_eq!(store.write("r", 0, placed("q", "g")).await.unwrap(), Wrote::Done);
    store.keep("s", vec![set("k", b"v")], ROOM).await.unwrap();
    assert_eq!(server.ask("CONFIG SET maxmemory 1"), "+OK");
    let error = store.write("r", 1, placed("q2", "g2")).await.unwrap_err().to_string();
    assert!(error.contains("OOM"), "{error}");
    assert!(store.keep("s", vec![delete("k"), set("k2", b"v")], ROOM).await.is_err());
    assert!(store.put("k", b"v", HOUR).await.is_err());
    assert!(store.append("s", 1, b"v", HOUR).await.is_err());
    assert_eq!(server.ask("CONFIG SET maxmemory 0"), "+OK");
    assert_eq!(store.due("q", u64::MAX, 9).await.unwrap(), ["r"]);
    assert_eq!(store.due("q2", u64::MAX, 9).await.unwrap(), [""; 0]);
    assert_eq!((store.group_count("g").await.unwrap(), store.group_count("g2").await.unwrap()), (1, 0));
    assert_eq!(used(&store, "s").await, (1, 2));
    assert_eq!(store.scan("").await.unwrap(), []);
    assert_eq!(store.write("r", 1, placed("q2", "g2")).await.unwrap(), Wrote::Done);
}

#[tokio::test]
async fn redis_is_sent_a_script_once() {
    let server = server::Redis::start();
    let store = redis(&server.url()).await;
    let sent = |name: &str| {
        let stats = server.ask("INFO commandstats");
        let calls =
            stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")).map(str::to_owned));
        calls.map_or(0, |calls| calls.split(',').next().expect("a number").parse::<u64>().expect("a number"))
    };
    for n in 1..=10 {
        store.append("s", n, b"x", HOUR).await.unwrap();
    }
    assert_eq!((sent("evalsha"), sent("eval")), (10, 1));
    // It may forget them at any time.
    assert_eq!(server.ask("SCRIPT FLUSH"), "+OK");
    for n in 11..=20 {
        store.append("s", n, b"x", HOUR).await.unwrap();
    }
    assert_eq!((sent("evalsha"), sent("eval")), (20, 2));
    assert_eq!(store.read("s", 0).await.unwrap().len(), 20);
}

#[tokio::test]
async fn redis_that_takes_no_digests() {
    let server = server::Redis::start();
    assert_eq!(server.ask("ACL SETUSER default -evalsha"), "+OK");
    let store = redis(&server.url()).await;
    check(&store).await;
}

/// Long enough for a server to start on a machine that has much to do; the store's own patience may be over before.
async fn at_last<T>(mut operation: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let again = async {
        loop {
            if let Ok(done) = operation().await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("the store comes back")
}

async fn hears_a_gap(listener: &mut broadcast::Receiver<Heard>) {
    let gap = async { while listener.recv().await.unwrap() != Heard::Gap {} };
    tokio::time::timeout(Duration::from_secs(60), gap).await.expect("a gap is told");
}

#[tokio::test]
async fn redis_that_goes_and_comes_back() {
    let mut server = server::Redis::start();
    let store = redis(&server.url()).await;
    let mut heard = store.listen();
    store.write("r", 0, write(b"before")).await.unwrap();
    assert_eq!(store.keep_sum("s", "n", 1, ROOM).await.unwrap(), 1);

    // An operation that comes while the server is away waits for it.
    server.kill();
    let waits = store.write("r", 1, write(b"meanwhile"));
    let (wrote, server) = tokio::join!(
        waits,
        tokio::task::spawn_blocking(move || {
            server.start_again();
            server
        })
    );
    let mut server = server.unwrap();
    match wrote {
        Ok(wrote) => assert_eq!(wrote, Wrote::Done),
        // The machine was too slow for the store's patience.
        Err(_) => assert_eq!(at_last(async || store.write("r", 1, write(b"meanwhile")).await).await, Wrote::Done),
    }
    hears_a_gap(&mut heard).await;
    assert_eq!(store.record("r").await.unwrap(), Some(Record { version: 2, bytes: b"meanwhile".to_vec() }));
    assert_eq!(store.keep_sum("s", "n", 1, ROOM).await.unwrap(), 2, "the server kept it");
    store.publish(b"again").await.unwrap();
    assert_eq!(super::heard(&mut heard, b"again").await, [b"again"]);

    // One that stays away is said to be so, then at once.
    server.kill();
    let error = store.get("k").await.unwrap_err().to_string();
    assert!(error.contains(&server.url()), "{error}");
    until(async || {
        let answer = futures_util::FutureExt::now_or_never(store.get("k"));
        answer.is_some_and(|answer| answer.is_err())
    })
    .await;
    server.start_again();
    at_last(async || store.get("k").await).await;
    hears_a_gap(&mut heard).await;
}

#[tokio::test]
async fn redis_that_does_not_answer() {
    let server = server::Redis::start();
    let store = redis(&server.url()).await;
    let mut heard = store.listen();
    server.freeze();
    let (got, usage) = tokio::join!(store.get("k"), store.keep_sum("s", "n", 1, ROOM));
    assert!(got.is_err() && usage.is_err(), "{got:?} {usage:?}");
    server.thaw();
    at_last(async || store.put("k", b"v", HOUR).await).await;
    hears_a_gap(&mut heard).await;
    assert_eq!(store.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn redis_that_is_not_there_yet() {
    let mut server = server::Redis::start();
    server.kill();
    let store = redis(&server.url()).await;
    let mut heard = store.listen();
    let error = store.get("k").await.unwrap_err().to_string();
    assert!(error.contains(&server.url()) && error.contains("refused"), "{error}");
    server.start_again();
    hears_a_gap(&mut heard).await;
    at_last(async || store.put("k", b"v", HOUR).await).await;
}

/// What is done twice with the same number is done once: this is what an answer that was lost on its way looks like.
#[tokio::test]
async fn redis_does_each_operation_once() {
    let server = server::Redis::start();
    let store = redis(&server.url()).await;
    let proxy = Losing::start(server.port()).await;
    let through = redis(&format!("redis://127.0.0.1:{}", proxy.port)).await;
    for n in 1..=20 {
        proxy.lose_next();
        assert_eq!(through.keep_sum("once", "n", 1, ROOM).await.unwrap(), n);
        proxy.lose_next();
        let was = u64::try_from(n).unwrap() - 1;
        assert_eq!(through.write("once", was, write(b"x")).await.unwrap(), Wrote::Done);
        proxy.lose_next();
        let (was, is) = (n - 1, n.to_string());
        let was = (was > 0).then(|| was.to_string());
        let swapped = through.keep_if("once", "swap", was.as_deref().map(str::as_bytes), is.as_bytes(), ROOM).await;
        assert_eq!(swapped.unwrap(), Swapped::Done);
    }
    assert_eq!(proxy.lost(), 60, "each answer was lost once");
    assert_eq!(store.kept("once", "n").await.unwrap().as_deref(), Some(&b"20"[..]));
    assert_eq!(store.record("once").await.unwrap().unwrap().version, 20);
    used(&store, "once").await;
}

/// Passes everything on, but for an answer to a script now and then: it ends the connection in its place.
struct Losing {
    port: u16,
    shared: Arc<Armed>,
}

#[derive(Default)]
struct Armed {
    next: AtomicBool,
    lost: AtomicUsize,
}

impl Losing {
    async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Armed>::default();
        let armed = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&armed)));
            }
        });
        Self { port, shared }
    }

    fn lose_next(&self) {
        self.shared.next.store(true, Ordering::SeqCst);
    }

    fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, armed: Arc<Armed>) {
    let (mut asked, mut answered) = ([0; 16 << 10], [0; 16 << 10]);
    let mut is_script = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                is_script |= asked[..length].windows(4).any(|word| word == b"EVAL");
                server.write_all(&asked[..length]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if is_script && armed.next.swap(false, Ordering::SeqCst) {
                    armed.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn redis_in_a_cluster() {
    let nodes = server::cluster();
    let urls: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let url = format!("redis+cluster://{}", urls.join(","));
    // Each of the two hears at another node.
    let (one, two) = (redis(&url).await, redis(&format!("redis+cluster://{}", urls[2])).await);
    check(&one).await;
    check_shared(&one, &two).await;
    for space in 0..20 {
        one.keep(&format!("space {space}"), vec![set("k", b"v")], ROOM).await.unwrap();
    }
    for node in &nodes {
        assert_ne!(node.ask("DBSIZE"), ":0", "spaces are spread over the nodes");
    }
}

#[tokio::test]
async fn redis_watched_by_a_sentinel() {
    let mut first = server::Redis::start();
    let second = Setup::new().line(&format!("replicaof 127.0.0.1 {}", first.port())).start();
    server::wait_until("the replica to follow", || second.ask("INFO replication").contains("master_link_status:up"));
    let sentinel = Setup::new().sentinel(&first).start();
    let knows = || sentinel.ask("SENTINEL master main").contains("num-slaves\r\n1");
    server::wait_until("the sentinel to know the replica", knows);
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", sentinel.port());
    let (one, two) = (redis(&url).await, redis(&url).await);
    check(&one).await;
    check_shared(&one, &two).await;

    let mut heard = one.listen();
    one.put("k", b"v", HOUR).await.unwrap();
    assert_eq!(first.ask("WAIT 1 10000"), ":1");
    first.kill();
    // The sentinel makes the replica the one that takes writes.
    at_last(async || one.put("after", b"v", HOUR).await).await;
    hears_a_gap(&mut heard).await;
    assert_eq!(one.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(at_last(async || two.get("after").await).await.as_deref(), Some(&b"v"[..]));
    assert!(second.ask("ROLE").starts_with("master"));

    let unknown = redis(&url.replace("/main", "/other")).await;
    let error = unknown.get("k").await.unwrap_err().to_string();
    assert!(error.contains("no server of that name"), "{error}");
}
