//! Where names lead, and that nobody is led elsewhere.

use toolyard_tests::{Names, Site};

use super::{DENIED, body, denied, error, fetch, grant, host};

/// Asks this name server.
fn dns(names: &Names) -> String {
    format!("[egress]\ndns = [\"{}\"]\n", names.address())
}

/// Two sites on one port: one at an address that the test grants, one at an address that nobody does.
fn neighbours() -> (Site, Site) {
    loop {
        let site = Site::at("127.0.0.2:0", |_| toolyard_tests::Answer::text("granted"));
        let address = format!("127.0.0.1:{}", site.port());
        // Somebody else may have the port there.
        if std::net::TcpListener::bind(&address).is_ok() {
            return (site, Site::at(&address, |_| toolyard_tests::Answer::text("inside")));
        }
    }
}

const GRANTED: &str = "networks = [\"127.0.0.2/32\"]\n";

#[test]
fn a_name_that_changes_its_mind() {
    let (granted, inside) = neighbours();
    let names = Names::new(&[("rebind.test", &["127.0.0.2", "127.0.0.1"])]);
    let url = format!("http://rebind.test:{}/", granted.port());
    let host = host(&format!("{}{}{GRANTED}", dns(&names), grant(&url)));
    // The first lookup is good, and it is the one that the connection uses: a second one would lead inside.
    assert_eq!(body(&host, &url), "granted");
    assert_eq!(names.times_asked("rebind.test"), 1);
    denied(&host, &url);
    denied(&host, &url);
    assert_eq!((granted.connections(), inside.connections()), (1, 0));
    host.log.wait_for(&["refused", "networks with 127.0.0.1", "rebind.test"]);
    host.stop();
}

#[test]
fn another_name_server_is_asked_as_soon_as_it_is_configured() {
    let site = Site::at("127.0.0.2:0", |_| toolyard_tests::Answer::text("granted"));
    let servers = [Names::new(&[("moving.test", &["127.0.0.1"])]), Names::new(&[("moving.test", &["127.0.0.2"])])];
    let url = format!("http://moving.test:{}/", site.port());
    let config = |at: usize| format!("{}{}{GRANTED}", dns(&servers[at]), grant(&url));
    let host = host(&config(0));
    denied(&host, &url);
    let fresh = host.plugins().with_file_name("fresh");
    std::fs::write(&fresh, format!("drain_notice_ms = 0\n{}", config(1))).expect("a file can be written");
    std::fs::rename(&fresh, host.plugins().with_file_name("toolyard.toml")).expect("a file can be renamed");
    let line = host.log.wait_for(&["the configuration was read again, and is in force"]);
    assert_eq!(line["applied"], "egress.dns");
    assert_eq!(body(&host, &url), "granted");
    assert_eq!((servers[0].times_asked("moving.test"), servers[1].times_asked("moving.test")), (1, 1));
    host.stop();
}

#[test]
fn a_name_with_good_and_bad_addresses() {
    let (granted, inside) = neighbours();
    let names = Names::new(&[("mixed.test", &["127.0.0.1 127.0.0.2 ::1"])]);
    let url = format!("http://mixed.test:{}/", granted.port());
    let host = host(&format!("{}{}{GRANTED}", dns(&names), grant(&url)));
    for _ in 0..5 {
        assert_eq!(body(&host, &url), "granted");
    }
    assert_eq!(inside.connections(), 0);
    host.stop();
}

#[test]
fn names_that_lead_inside() {
    let site = Site::saying("inside");
    let inside = [
        ("loopback.test", &["127.0.0.1"][..]),
        ("six.test", &["::1"]),
        ("mapped.test", &["::ffff:127.0.0.1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("azure.test", &["168.63.129.16"]),
        ("private.test", &["10.0.0.1 192.168.0.1"]),
        ("any.test", &["0.0.0.0 ::"]),
        ("many.test", &["10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 fd00::1 fe80::1"]),
    ];
    let names = Names::new(&inside);
    let port = site.port();
    let host = host(&format!("{}{}", dns(&names), grant(&format!("http://*:{port}/"))));
    for (name, _) in inside {
        denied(&host, &format!("http://{name}:{port}/"));
    }
    // A name that is not there gets the same answer: a guest cannot find out which names there are inside.
    let absent = fetch(&host, &format!("http://absent.test:{port}/"));
    assert_eq!(error(&absent), error(&fetch(&host, &format!("http://loopback.test:{port}/"))));
    assert!(names.times_asked("absent.test") >= 1);
    assert_eq!(site.connections(), 0);
    host.stop();
}

#[test]
fn a_network_that_is_granted() {
    let site = Site::saying("hello");
    let names = Names::new(&[("intranet.test", &["127.0.0.1"])]);
    let url = format!("http://intranet.test:{}/", site.port());
    let grants = format!("{}networks = [\"127.0.0.0/8\"]\n", grant(&url));
    let host = host(&format!("{}{grants}", dns(&names)));
    assert_eq!(body(&host, &url), "hello");
    assert_eq!(body(&host, &url.replace("intranet.test", "INTRANET.test.")), "hello");
    assert_eq!(site.seen()[0].value_of("Host"), Some(&*format!("intranet.test:{}", site.port())));
    host.stop();
}

#[test]
fn a_name_that_the_operator_wrote_and_that_is_not_there() {
    let names = Names::new(&[]);
    let host = host(&format!("{}{}", dns(&names), grant("http://absent.test/")));
    let fetched = fetch(&host, "http://absent.test/");
    assert!(error(&fetched).contains("DnsError") && error(&fetched).contains("NXDOMAIN"), "{fetched}");
    host.stop();
}

#[test]
fn names_that_no_grant_has_are_not_looked_up() {
    let names = Names::new(&[("known.test", &["127.0.0.1"]), ("other.test", &["127.0.0.1"])]);
    let host = host(&format!("{}{}", dns(&names), grant("http://known.test/")));
    for name in ["other.test", "known.test.evil.test", "a.known.test", "data-that-leaves.evil.test"] {
        let fetched = fetch(&host, &format!("http://{name}/"));
        assert!(error(&fetched).contains(DENIED), "{fetched}");
    }
    denied(&host, "http://known.test/");
    let asked = names.asked();
    assert!(asked.iter().all(|name| name == "known.test") && !asked.is_empty(), "{asked:?}");
    host.stop();
}
