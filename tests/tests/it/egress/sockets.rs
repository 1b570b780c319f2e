//! Sockets: TCP to a host and port that a grant names.

use serde_json::json;
use toolyard_tests::{Answer, Host, Names, Site};

use super::{host, list};
use crate::expect;

/// What the guest says to a server, so that it answers.
const SAY: &str = "GET / HTTP/1.0\r\n\r\n";

fn grant(name: &str, port: u16) -> String {
    format!("[[plugin.caller.grants.tcp]]\nhost = \"{name}\"\nport = {port}\n")
}

fn connect(host: &Host, name: &str, port: u16) -> String {
    let result = host.call("caller_connect", &json!({ "host": name, "port": port, "say": SAY }));
    expect::text(&result).to_owned()
}

fn look_up(host: &Host, name: &str) -> String {
    expect::text(&host.call("caller_look_up", &json!({ "name": name }))).to_owned()
}

/// The guest was not let.
fn refused(told: &str) {
    assert!(told.starts_with("error:"), "{told}");
}

#[test]
fn nothing_without_a_grant() {
    let (site, other) = (Site::saying("hello"), Site::saying("other"));
    let host = host(&grant("127.0.0.1", other.port()));
    refused(&connect(&host, "127.0.0.1", site.port()));
    refused(&connect(&host, "127.0.0.2", other.port()));
    refused(&connect(&host, "::1", other.port()));
    refused(&connect(&host, "::ffff:127.0.0.1", other.port()));
    refused(&connect(&host, "localhost", other.port()));
    host.log.wait_for(&["refused", "tcp", &format!("127.0.0.1:{}", site.port())]);
    assert_eq!((site.connections(), other.connections()), (0, 0));
    assert!(connect(&host, "127.0.0.1", other.port()).ends_with("other"));
    host.stop();
}

#[test]
fn nothing_without_any_grant() {
    let site = Site::saying("hello");
    let host = host("");
    for name in ["127.0.0.1", "localhost", "2130706433"] {
        refused(&connect(&host, name, site.port()));
    }
    host.log.wait_for(&["refused", "tcp", &format!("127.0.0.1:{}", site.port())]);
    host.log.wait_for(&["refused", "tcp", "localhost"]);
    assert_eq!(site.connections(), 0);
    host.stop();
}

#[test]
fn listening_and_datagrams_cannot_be_granted() {
    let host = host(&grant("127.0.0.1", 5432));
    for address in ["0.0.0.0:0", "127.0.0.1:0", "127.0.0.1:5432", "[::]:0"] {
        refused(expect::text(&host.call("caller_listen", &json!({ "address": address }))));
    }
    refused(expect::text(&host.call("caller_datagram", &json!({ "to": "127.0.0.1:5432" }))));
    host.log.wait_for(&["refused", "UDP"]);
    host.stop();
}

#[test]
fn names_are_looked_up_by_the_host() {
    let site = Site::saying("hello");
    let names = Names::new(&[
        ("db.test", &["127.0.0.1"]),
        ("inside.test", &["127.0.0.1"]),
        ("other.test", &["127.0.0.1"]),
        ("turns.test", &["127.0.0.1", "10.0.0.1"]),
    ]);
    let networks = "networks = [\"127.0.0.0/8\"]\n";
    let (db, inside, turns) =
        (grant("DB.test", site.port()), grant("inside.test", site.port()), grant("turns.test", 1));
    let config = format!("[egress]\ndns = [\"{}\"]\n{db}{networks}{inside}{turns}{networks}", names.address());
    let host = host(&config);

    assert_eq!(look_up(&host, "db.test"), "127.0.0.1");
    assert_eq!(look_up(&host, "db.TEST."), "127.0.0.1");
    assert!(connect(&host, "db.test", site.port()).ends_with("hello"));
    // Not another port, and not the address by itself.
    refused(&connect(&host, "db.test", site.port() - 1));
    refused(&connect(&host, "127.0.0.1", site.port()));
    // A name that leads inside has no addresses, and one that no grant has is nobody's to ask about.
    refused(&look_up(&host, "inside.test"));
    refused(&connect(&host, "inside.test", site.port()));
    host.log.wait_for(&["refused", "networks with 127.0.0.1", "inside.test"]);
    for name in ["other.test", "a.db.test", "db.test.evil.test"] {
        refused(&look_up(&host, name));
        host.log.wait_for(&["refused", "tcp", name]);
        assert_eq!(names.times_asked(name), 0, "{name}");
    }
    // What a name led to in one call is forgotten in the next.
    assert_eq!(look_up(&host, "turns.test"), "127.0.0.1");
    refused(&look_up(&host, "turns.test"));
    assert_eq!(site.connections(), 1);
    host.stop();
}

#[test]
fn too_many_connections() {
    let site = Site::open(|_| Answer::Silence(Vec::new()));
    let limits = "[plugin.caller.limits]\nhttp_connections_max = 3\n";
    let host = host(&format!("{}{limits}", grant("127.0.0.1", site.port())));
    for _ in 0..2 {
        let arguments = json!({ "host": "127.0.0.1", "port": site.port(), "count": 5 });
        let outcomes = list(&host, "connect_together", &arguments);
        assert_eq!(outcomes[..3], ["connected", "connected", "connected"], "{outcomes:?}");
        outcomes[3..].iter().for_each(|outcome| refused(outcome));
    }
    assert_eq!(site.connections(), 6);
    host.stop();
}
