//! What one tenant may take of a host, and that the others have theirs meanwhile.

use std::thread;
use std::time::SystemTime;

use serde_json::json;
use toolyard_tests::trail::records;
use toolyard_tests::{At, Connection, Host, Request, Target, eventually, modern_request};

use super::setup;
use crate::expect;

fn at<'a>(host: &'a Host, tenant: &'a str) -> At<'a> {
    At { host, tenant }
}

fn whose() -> Request {
    modern_request("tools/call", json!({ "name": "s_whose" }))
}

/// Checks that the tenant is refused for its share, and gives how long it is to wait.
fn exceeded(side: &At<'_>) -> u64 {
    let reply = side.send(&whose());
    let message = expect::error(&reply, 429, -32603, &json!(1));
    assert!(message.contains("your share of this host"), "{message}");
    reply.header("Retry-After").and_then(|after| after.parse().ok()).expect("it says when to come back")
}

#[test]
fn a_tenant_has_so_many_places() {
    let host = setup().config("[tenant.acme.quotas]\ncalls_max = 1\n[limits]\nqueue_wait_ms_max = 1\n").start();
    let (acme, bolt) = (at(&host, "acme"), at(&host, "bolt"));
    let params = json!({ "name": "s_wait", "arguments": { "ms": 60_000 } });
    let holds = acme.start_sending(&modern_request("tools/call", params));
    host.log.wait_for(&["the wait has begun"]);
    assert_eq!(exceeded(&acme), 1);
    assert_eq!(expect::text(&bolt.call("s_whose", &json!({}))), "of bolt");
    // Its place is free again when its caller has left.
    drop(holds);
    let free = || (acme.send(&whose()).status == 200).then_some(());
    eventually("the place to be free", free);
    host.stop();
}

/// Nobody said what anybody may have.
#[test]
fn a_tenant_without_quotas_leaves_places_to_others() {
    let host = setup().config("[limits]\ncalls_max = 4\nqueue_wait_ms_max = 1\n").start();
    let (acme, bolt) = (at(&host, "acme"), at(&host, "bolt"));
    let params = json!({ "name": "s_wait", "arguments": { "ms": 60_000 } });
    let wait = modern_request("tools/call", params);
    let holds: Vec<Connection> = (0..3).map(|_| acme.start_sending(&wait)).collect();
    let begun = || host.log.lines().iter().filter(|line| line.contains("the wait has begun")).count();
    eventually("three to wait", || (begun() == 3).then_some(()));
    assert_eq!(exceeded(&acme), 1);
    assert_eq!(expect::text(&bolt.call("s_whose", &json!({}))), "of bolt");
    drop(holds);
    host.stop();
}

#[test]
fn a_tenant_has_so_many_streams() {
    let host = setup().config("[tenant.acme.quotas]\nstreams_max = 1\n").start();
    let (acme, bolt) = (at(&host, "acme"), at(&host, "bolt"));
    let listen = || modern_request("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let open = |side: &At<'_>| {
        let mut stream = side.start_sending(&listen());
        stream.expect_events();
        assert!(stream.next_message().is_some_and(|first| first["method"].is_string()));
        stream
    };
    let holds = open(&acme);
    let refused = acme.send(&listen());
    let message = expect::error(&refused, 429, -32603, &json!(1));
    assert!(message.contains("streams"), "{message}");
    open(&bolt);
    assert_eq!(expect::text(&acme.call("s_whose", &json!({}))), "of acme", "calls are no streams");
    drop(holds);
    eventually("the place to be free", || {
        (acme.start_sending(&listen()).read_head().ok()?.status == 200).then_some(())
    });
    host.stop();
}

#[test]
fn a_tenant_has_so_many_calls_a_day() {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    let setup = || super::setup().config("[tenant.acme.quotas]\ncalls_per_day_max = 3\n").state(state.path());
    let host = setup().start();
    let acme = at(&host, "acme");
    for _ in 0..3 {
        assert_eq!(expect::text(&acme.call("s_whose", &json!({}))), "of acme");
    }
    let seconds = exceeded(&acme);
    let today = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs() % 86_400;
    assert!(seconds.abs_diff(86_400 - today) < 60, "{seconds} s, at {today} s of the day");
    assert_eq!(expect::text(&at(&host, "bolt").call("s_whose", &json!({}))), "of bolt");
    host.stop();
    // It is counted in the store, and so for every host.
    let host = setup().start();
    exceeded(&at(&host, "acme"));
    host.stop();
}

#[test]
fn a_tenant_has_so_much_processor_time_a_day() {
    let config = "[tenant.acme.quotas]\ncpu_ms_per_day_max = 20\n[tenant.acme.limits]\ncpu_ms_max = 50\n";
    let host = setup().config(config).start();
    let acme = at(&host, "acme");
    assert_eq!(expect::text(&acme.call("s_whose", &json!({}))), "of acme");
    expect::failure(&acme.call("s_spin", &json!({})));
    exceeded(&acme);
    assert_eq!(expect::text(&at(&host, "bolt").call("s_whose", &json!({}))), "of bolt");
    host.stop();
}

#[test]
fn a_tenant_has_so_many_calls_a_second() {
    let host = setup().config("[tenant.acme.quotas]\ncalls_per_second_max = 5\n").start();
    let (acme, bolt) = (at(&host, "acme"), at(&host, "bolt"));
    // However slow this machine is, 200 requests on connections of their own do not take 40 seconds.
    let refused = (0..200).any(|_| acme.send(&whose()).status == 429);
    assert!(refused, "it had more than its pace");
    for _ in 0..20 {
        assert_eq!(expect::text(&bolt.call("s_whose", &json!({}))), "of bolt");
    }
    let again = || (acme.send(&whose()).status == 200).then_some(());
    eventually("the pace to let it in again", again);
    host.stop();
}

/// All compute for equally long. By call, the one that came last would be answered last; by tenant, it has as much as all the
/// others together. In which order calls end is in the trail.
#[test]
fn a_burst_of_computing_calls_does_not_stand_before_anothers_one() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let trail = folder.path().join("trail.jsonl");
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let burst = 16 * threads;
    let limits =
        format!("cpu_ms_max = 60\ntimeout_ms_max = 600_000\nplugin_calls_max = {burst}\ncalls_max = {}\n", burst + 8);
    let host = setup().config(&format!("[audit]\nfile = {trail:?}\n[limits]\n{limits}")).start();
    let (acme, bolt) = (at(&host, "acme"), at(&host, "bolt"));
    let spin = modern_request("tools/call", json!({ "name": "s_spin" }));
    let calls: Vec<Connection> = (0..burst).map(|_| acme.start_sending(&spin)).collect();
    expect::failure(&bolt.send(&spin).result());
    for mut call in calls {
        expect::failure(&call.read().result());
    }
    host.stop();
    let ended = records(&trail).into_iter().filter(|record| record["kind"] == "call");
    let ended: Vec<_> = ended.map(|record| record["tenant"].clone()).collect();
    assert_eq!(ended.len(), burst + 1, "{ended:?}");
    let before = ended.iter().position(|tenant| tenant == "bolt");
    assert!(before.is_some_and(|before| before <= burst / 4), "{before:?} of {burst} ended before it");
}

/// What a host counts of a call that never ran would be counted twice by whoever tries again.
#[test]
fn calls_that_find_no_place_are_not_counted_for_the_day() {
    let quotas = "[tenant.acme.quotas]\ncalls_max = 1\ncalls_per_day_max = 3\n[limits]\nqueue_wait_ms_max = 1\n";
    let host = setup().config(quotas).start();
    let acme = at(&host, "acme");
    let params = json!({ "name": "s_wait", "arguments": { "ms": 60_000 } });
    let holds = acme.start_sending(&modern_request("tools/call", params));
    host.log.wait_for(&["the wait has begun"]);
    for _ in 0..10 {
        assert_eq!(exceeded(&acme), 1);
    }
    drop(holds);
    let free = || (acme.send(&whose()).status == 200).then_some(());
    eventually("the place to be free", free);
    assert_eq!(expect::text(&acme.call("s_whose", &json!({}))), "of acme");
    assert!(exceeded(&acme) > 1, "that were three, and the day is over");
    host.stop();
}
