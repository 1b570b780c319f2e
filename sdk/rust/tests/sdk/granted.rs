//! What a plugin does with what it was granted, and without.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use toolyard_plugin::http::{self, Error, Response};
use toolyard_plugin::keyvalue::{self, Store};
use toolyard_plugin::testing::Grants;
use toolyard_plugin::{Result, config};

#[test]
fn nothing_is_there_unless_it_is_granted() {
    assert_eq!(config::get("key"), None);
    assert_eq!(config::all(), []);
    assert_eq!(Store::open().unwrap_err(), keyvalue::Error::Denied);
    assert_eq!(http::get("https://example.com/").send().unwrap_err(), Error::Denied);
    let denied: toolyard_plugin::Error = Error::Denied.into();
    assert_eq!(denied.message(), "this address may not be reached from here");
}

#[test]
fn grants_end_with_their_run() {
    Grants::none().config("a", "1").run(|| {
        Grants::none().config("b", "2").run(|| assert_eq!(config::all(), [("b".to_owned(), "2".to_owned())]));
        assert_eq!(config::get("a").as_deref(), Some("1"));
    });
    assert_eq!(config::get("a"), None);
}

#[test]
fn an_update_begins_again_when_somebody_was_faster() {
    Grants::none().keyvalue().run(|| {
        let store = Store::open().unwrap();
        let tries = Cell::new(0);
        let change = |old: Option<&[u8]>| -> Result<Vec<u8>> {
            tries.set(tries.get() + 1);
            if tries.get() == 1 {
                store.set("key", "theirs ")?;
            }
            Ok([old.unwrap_or_default(), b"ours"].concat())
        };
        assert_eq!(store.update("key", change).unwrap(), b"theirs ours");
        assert_eq!((store.get("key").unwrap().unwrap(), tries.get()), (b"theirs ours".to_vec(), 2));
        let counted = store.update_json("count", |old: Option<u8>| Ok(old.unwrap_or(6) + 1));
        assert_eq!((counted.unwrap(), store.get("count").unwrap().unwrap()), (7, b"7".to_vec()));
        let keys: Vec<String> = store.keys_with("k").collect::<Result<_, _>>().unwrap();
        assert_eq!(keys, ["key"]);

        // A key that is taken away is not as it was either.
        let first = Cell::new(true);
        let change = |old: Option<&[u8]>| -> Result<Vec<u8>> {
            if first.replace(false) {
                store.delete("key")?;
            }
            Ok(format!("{}", old.is_some()).into())
        };
        store.update("key", change).unwrap();
        assert_eq!(store.get("key").unwrap().unwrap(), b"false");
    });
}

#[test]
fn an_update_that_fails_writes_nothing_and_one_that_never_wins_ends() {
    Grants::none().keyvalue().run(|| {
        let store = Store::open().unwrap();
        store.set("key", "1").unwrap();
        let refused = |_: Option<u8>| Err(toolyard_plugin::Error::denied("no"));
        assert_eq!(store.update_json("key", refused).unwrap_err().message(), "no");
        assert_eq!(store.get("key").unwrap().unwrap(), b"1");

        let wins = |_: Option<&[u8]>| -> Result<Vec<u8>> {
            store.increment("key", 1)?;
            Ok(b"0".to_vec())
        };
        let error = store.update("key", wins).unwrap_err();
        assert!(matches!(error, toolyard_plugin::Error::Retryable { .. }), "{error:?}");
    });
}

#[test]
fn values_are_json_if_they_are_said_to_be() {
    Grants::none().keyvalue().run(|| {
        let store = Store::open().unwrap();
        assert_eq!(store.get_json::<Vec<u8>>("key").unwrap(), None);
        store.set_json("key", &[1, 2]).unwrap();
        assert_eq!(store.get_json::<Vec<u8>>("key").unwrap().unwrap(), [1, 2]);
        let error = store.get_json::<String>("key").unwrap_err().to_string();
        assert!(error.starts_with("what is stored as `key` cannot be read: "), "{error}");
    });
}

#[test]
fn keys_are_listed_beyond_one_part() {
    Grants::none().keyvalue().run(|| {
        let store = Store::open().unwrap();
        assert_eq!(store.keys().count(), 0);
        let names: Vec<String> = (0..35).map(|n| format!("{n:02}")).collect();
        let pairs: Vec<_> = names.iter().map(|name| (name.clone(), name.clone().into_bytes())).collect();
        store.set_many(&pairs).unwrap();
        let keys: Vec<String> = store.keys().collect::<Result<_, _>>().unwrap();
        assert_eq!(keys, names);
        store.delete_many(&names[1..]).unwrap();
        assert_eq!(store.get_many(&names[..2]).unwrap(), [Some(b"00".to_vec()), None]);
        assert!(store.exists("00").unwrap() && store.increment("00", 1).unwrap() == 1);
    });
}

#[test]
fn requests_are_what_was_said() {
    let server = |request: &http::Request| {
        assert_eq!((request.method(), request.url().as_str()), ("POST", "https://example.com/a?b"));
        assert_eq!(request.headers()[0], ("x".to_owned(), "1".to_owned()));
        assert_eq!(request.headers()[1], ("content-type".to_owned(), "application/json".to_owned()));
        assert_eq!(request.sent_body(), b"[1]");
        Ok(Response::new(404).with_header("Content-Type", "text/plain").with_body("0123456789"))
    };
    let send = || http::post("https://example.com/a?b").header("x", "1").json(&[1]).send().unwrap();
    Grants::none().http(server).run(|| {
        let response = send();
        assert_eq!((response.status(), response.header("content-type")), (404, Some("text/plain")));
        assert_eq!(response.text(10).unwrap(), "0123456789");
        assert_eq!(send().read_to_end(9).unwrap_err(), Error::TooLarge { bytes_max: Some(9) });
        assert_eq!(send().read_up_to(9).unwrap(), (b"012345678".to_vec(), false));
        assert_eq!(send().error_for_status().unwrap_err(), Error::Status(404));
    });
    let wrong = http::get("file:///etc/passwd").send().unwrap_err();
    assert!(matches!(wrong, Error::InvalidRequest(_)), "{wrong}");
}

/// Asks for `/1`, which redirects with `status` to `/2` of another host, and so on; says what arrived there.
fn followed(status: u16, redirects_max: u32) -> (Result<u16, Error>, Vec<String>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let server = move |request: &http::Request| {
        let headers: Vec<&str> = request.headers().iter().map(|(name, _)| name.as_str()).collect();
        let body = String::from_utf8_lossy(request.sent_body());
        log.borrow_mut().push(format!("{} {} {} {body}", request.method(), request.url(), headers.join(" ")));
        Ok(match request.url().path() {
            "/1" => Response::new(status).with_header("location", "/2"),
            "/2" => Response::new(status).with_header("location", "//b.example/3"),
            _ => Response::new(200),
        })
    };
    let request = http::post("https://a.example/1").header("Authorization", "x").header("content-type", "text/plain");
    let request = request.body("body").follow(redirects_max);
    let status = Grants::none().http(server).run(|| request.send()).map(|response| response.status());
    (status, seen.take())
}

#[test]
fn redirects_are_followed_only_if_asked_to() {
    let (status, seen) = followed(302, 0);
    assert_eq!((status, seen.len()), (Ok(302), 1));
    assert_eq!(followed(302, 1).0, Err(Error::TooManyRedirects { redirects_max: 1 }));

    let (status, seen) = followed(303, 2);
    assert_eq!(status, Ok(200));
    assert_eq!(seen[1..], ["GET https://a.example/2 Authorization ", "GET https://b.example/3  "]);
    let (_, seen) = followed(308, 2);
    assert_eq!(seen[2], "POST https://b.example/3 content-type body");
}

#[test]
fn a_redirect_leads_to_http_or_nowhere() {
    let server = |_: &http::Request| Ok(Response::new(301).with_header("location", "file:///etc/passwd"));
    let result = Grants::none().http(server).run(|| http::get("https://a.example/").follow(3).send());
    assert!(matches!(result.unwrap_err(), Error::BadRedirect(_)));
}
