//! What one tenant may take of a host, and that the others have theirs meanwhile.

use std::time::SystemTime;

use serde_json::json;
use toolyard_tests::{At, Host, Request, Target, eventually, modern_request};

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
