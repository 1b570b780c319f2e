//! Attacks through the network: on this machine, on others, and on what goes there with secrets.

use std::net::TcpListener;

use toolyard_tests::{Answer, Names, Request, Site};

use super::Told::{Begins, Fails, Says};
use super::{Attack, Counted, contained, setup};

/// A site that is granted, and another on the same port that nobody is to reach.
struct Sites {
    granted: Site,
    inside: Site,
}

impl Sites {
    fn open() -> Sites {
        loop {
            let granted = Site::at("127.0.0.2:0", answer);
            let inside = format!("127.0.0.1:{}", granted.port());
            // Somebody else may have the port there.
            if TcpListener::bind(&inside).is_ok() {
                return Sites { granted, inside: Site::at(&inside, |_| Answer::text("inside")) };
            }
        }
    }

    /// In what is configured, `PORT` stands for their port.
    fn config(&self, text: &str) -> String {
        text.replace("PORT", &self.granted.port().to_string())
    }
}

fn answer(request: &Request) -> Answer {
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes();
    match request.path.as_str() {
        "/slow" => Answer::Silence(Vec::new()),
        "/headers" => Answer::Endless(
            head(""),
            b"X-Long: hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh\r\n".to_vec(),
        ),
        "/endless" => Answer::Endless(head("\r\n"), vec![b'e'; 1 << 16]),
        "/nonsense" | "/granted/nonsense" => Answer::Bytes(b"\0\xff nonsense\r\n\r\n".to_vec()),
        "/redirect" => {
            let inside = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
            let inside = inside.map(|(_, host)| host.replace("127.0.0.2", "127.0.0.1")).unwrap_or_default();
            Answer::new(302, &[("Location", &format!("http://{inside}/"))], "")
        }
        _ => Answer::text("granted"),
    }
}

/// What every attack is told, and the grant of all requests of plain HTTP on the sites' port, to what is public.
const ANYWHERE: &str = "
    [plugin.NAME.grants]
    config = { port = 'PORT', site = '127.0.0.2:PORT', inside = '127.0.0.1:PORT' }
    [[plugin.NAME.grants.http]]
    url = 'http://*:PORT/'
    [[plugin.NAME.grants.http]]
    url = 'http://*/'
";

/// The same, with the grant of one site.
const SITE: &str = "
    [plugin.NAME.grants]
    config = { port = 'PORT', site = '127.0.0.2:PORT', inside = '127.0.0.1:PORT' }
    [[plugin.NAME.grants.http]]
    url = 'http://127.0.0.2:PORT/'
    networks = ['127.0.0.2/32']
    [plugin.NAME.limits]
    http_response_bytes_max = 1000000
    http_connections_max = 4
    timeout_ms_max = 3000
";

/// A part of the site.
const PART: &str = "
    [plugin.NAME.grants]
    config = { port = 'PORT', site = '127.0.0.2:PORT' }
    [[plugin.NAME.grants.http]]
    url = 'http://127.0.0.2:PORT/allowed/'
    networks = ['127.0.0.2/32']
";

const NAMED: &str = "
    [plugin.NAME.grants]
    config = { port = 'PORT' }
    [[plugin.NAME.grants.http]]
    url = 'http://rebinding.test:PORT/'
    networks = ['127.0.0.2/32']
";

/// What is told without any grant to go somewhere.
const TOLD: &str = "[plugin.NAME.grants]\nconfig = { port = 'PORT', site = '127.0.0.2:PORT' }\n";

/// A secret that goes with requests to one part of the site.
const SECRET: &str = "
    [plugin.NAME.grants]
    config = { site = '127.0.0.2:PORT', word = 'not a secret' }
    environment = { WORD = 'not a secret' }
    [[plugin.NAME.grants.http]]
    url = 'http://127.0.0.2:PORT/granted/'
    networks = ['127.0.0.2/32']
    headers = [{ name = 'Authorization', secret = 'egress', prefix = 'Bearer ' }]
    [[plugin.NAME.grants.http]]
    url = 'http://127.0.0.2:PORT/beside/'
    networks = ['127.0.0.2/32']
";

const KEYS: &str = "[plugin.NAME.grants]\nkeyvalue = { bytes_max = 1000000, keys_max = 50, value_bytes_max = 20000 }\n";

const fn says(name: &'static str, config: &'static str, text: &'static str) -> Attack {
    Attack { name, config, told: Says(text), counted: Counted::Nothing }
}

/// What reaches nothing, and is refused for want of this grant.
const fn nowhere(name: &'static str, config: &'static str, grant: &'static str) -> Attack {
    Attack { name, config, told: Says("reached []"), counted: Counted::Refusal(grant) }
}

#[test]
fn nothing_else_is_reached() {
    let sites = Sites::open();
    let names = Names::new(&[
        ("inside.test", &["127.0.0.1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("rebinding.test", &["127.0.0.2", "127.0.0.1"]),
    ]);
    let attacks = [
        nowhere("requests-without-a-grant", TOLD, "http"),
        nowhere("requests-to-this-machine", ANYWHERE, "http"),
        nowhere("requests-to-metadata", ANYWHERE, "http"),
        says("requests-of-other-schemes", ANYWHERE, "reached []"),
        Attack { told: Begins("reached ["), ..nowhere("requests-beside-the-grant", PART, "http") },
        Attack { told: Begins("Ok("), ..nowhere("redirect-inside", SITE, "http") },
        Attack { told: Begins("reached ["), ..nowhere("rebinding", NAMED, "http") },
        nowhere("sockets-without-a-grant", TOLD, "tcp"),
        // An address in other words is looked up nowhere.
        Attack { told: Says("reached [\"127.1\"]"), ..nowhere("names-without-a-grant", TOLD, "tcp") },
    ];
    contained_with(&sites, &attacks, &format!("[egress]\ndns = ['{}']\n", names.address()));
    assert_eq!(sites.inside.connections(), 0);
    for request in sites.granted.seen() {
        let path = request.path.as_str();
        assert!(path == "/allowed" || path.starts_with("/allowed/") || path == "/redirect" || path == "/", "{path}");
        assert!(request.method == "GET" && !path.split(['/', '\\']).any(|part| part == ".."), "{request:?}");
    }
    assert_eq!(names.times_asked("what-i-know.attacker.test"), 0, "a name is a message, too");
}

#[test]
fn nothing_else_is_said() {
    let sites = Sites::open();
    let bytes = Counted::Limit("http_response_bytes_max");
    let attacks = [
        says("header-smuggling", SITE, "sent true"),
        Attack {
            told: Fails(&["1048576 bytes"]),
            counted: Counted::Limit("output_bytes_max"),
            ..says("huge-headers", SITE, "")
        },
        says("huge-response-headers", SITE, "answered false"),
        Attack {
            told: Fails(&["3000 ms"]),
            counted: Counted::Limit("timeout_ms_max"),
            ..says("slow-response", SITE, "")
        },
        Attack { counted: bytes, ..says("endless-response", SITE, "answered false") },
        says("response-that-is-none", SITE, "answered false"),
        Attack {
            told: Begins("begun "),
            counted: Counted::Limit("http_connections_max"),
            ..says("requests-flood", SITE, "")
        },
    ];
    contained_with(&sites, &attacks, "");
    for request in sites.granted.seen() {
        // What it expects is the guest's own affair.
        let headers: Vec<_> = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("expect")).collect();
        let head = format!("{:?} {headers:?}", request.path).to_lowercase();
        assert!(!head.contains("smuggled"), "{request:?}");
        let host: Vec<&String> = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, host)| host)
            .collect();
        assert_eq!(host, [&sites.config("127.0.0.2:PORT")], "{request:?}");
    }
}

#[test]
fn secrets_stay_secret() {
    let sites = Sites::open();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "the-secret\n").expect("a file can be written");
    let attacks = [
        Attack { told: Begins("Ok([(\"site\""), ..says("secrets-everywhere", SECRET, "") },
        Attack { told: super::Told::AtFault, ..says("secrets-in-errors", SECRET, "") },
        says("secrets-to-another-site", SECRET, "sent [true, true]"),
        says("keys-of-others", KEYS, "reached []"),
        Attack { told: Says("reached false"), ..nowhere("keys-without-a-grant", "", "keyvalue") },
        says("keys-flood", KEYS, "set 50, [false, false]"),
        says("keys-strange", KEYS, "listed 5"),
    ];
    contained_with(&sites, &attacks, &format!("[secret.egress]\nfile = {secret:?}\n"));
    let mut with = 0;
    for request in sites.granted.seen() {
        let sent: Vec<&str> = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value.as_str())
            .collect();
        if request.path.starts_with("/granted/") {
            assert_eq!(sent, ["Bearer the-secret"], "{request:?}");
            with += 1;
        } else {
            assert!(!format!("{request:?}").contains("the-secret"), "{request:?}");
        }
    }
    assert!(with > 0, "the secret goes where it is meant to go");
}

/// Makes the attacks, with what is configured for them and this.
fn contained_with(sites: &Sites, attacks: &[Attack], config: &str) {
    let settings: String = attacks.iter().map(|attack| attack.config.replace("NAME", attack.name)).collect();
    let setup = setup(&[]).config(&sites.config(&settings)).config(config);
    let host = attacks
        .iter()
        .fold(setup, |setup, attack| setup.file(&format!("{}.wasm", attack.name), toolyard_tests::hostile(attack.name)))
        .start();
    contained(&host, attacks);
    host.stop();
}
