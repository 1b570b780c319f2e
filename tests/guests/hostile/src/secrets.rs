//! Fishing for what others know.

use wasip2::http::types::Scheme;

use crate::bindings::toolyard::plugin::types::Error;
use crate::bindings::wasi::config::store;
use crate::bindings::wasi::keyvalue::store as keyvalue;
use crate::{Attack, Told, network, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("secrets-everywhere", secrets_everywhere),
    ("secrets-in-errors", secrets_in_errors),
    ("secrets-to-another-site", secrets_to_another_site),
    ("keys-of-others", keys_of_others),
    ("keys-without-a-grant", keys_without_a_grant),
    ("keys-flood", keys_flood),
    ("keys-strange", keys_strange),
];

/// In the configuration, the environment, the arguments, and under every name that a secret may have.
fn secrets_everywhere() -> Told {
    let mut got = format!("{:?}", store::get_all());
    for key in ["token", "secret", "egress", "Authorization", "secret.egress", "../secret", "", "*"] {
        got += &format!("{:?}", store::get(key));
    }
    got += &format!("{:?}", std::env::vars().collect::<Vec<_>>());
    got += &format!("{:?}", std::env::args().collect::<Vec<_>>());
    for name in ["HOSTILE_SECRET", "HOME", "PATH", "TOOLYARD_BIN"] {
        got += &format!("{:?}", std::env::var(name));
    }
    say(got)
}

/// In what is said of requests that fail although the secret goes with them.
fn secrets_in_errors() -> Told {
    let site = network::told("site");
    let mut got = String::new();
    for (path, headers) in [
        ("/granted/nonsense", &[][..]),
        ("/granted/ok", &[("authorization", "mine")]),
        ("/granted/ok", &[("Authorization", "mine"), ("AUTHORIZATION", "mine")]),
        ("/granted/ok", &[("x-other", "\u{1b}")]),
        ("/granted/\u{0}", &[]),
        ("/beside", &[]),
    ] {
        got += &format!("{:?}", network::get(&Scheme::Http, &site, path, headers));
    }
    Err(Error::Failed(got))
}

/// The secret is for one site. What goes to another must not have it.
fn secrets_to_another_site() -> Told {
    let got: Vec<bool> = ["/granted/echo", "/beside/echo"]
        .iter()
        .map(|path| network::get(&Scheme::Http, &network::told("site"), path, &[("authorization", "mine")]).is_ok())
        .collect();
    say(format!("sent {got:?}"))
}

/// Buckets of other plugins, by every name that one may have.
fn keys_of_others() -> Told {
    let names =
        ["bystander", "default/bystander", "../bystander", "*", "", "default\0bystander", "DEFAULT", "sqlite_master"];
    let mut got: Vec<&str> = names.into_iter().filter(|name| keyvalue::open(name).is_ok()).collect();
    if let Ok(bucket) = keyvalue::open("default") {
        let keys = ["../bystander/key", "default/bystander/key", "%", "_", "' OR 1=1 --"];
        got.extend(keys.into_iter().filter(|key| bucket.get(key).is_ok_and(|value| value.is_some())));
        if bucket.list_keys(None).is_ok_and(|page| !page.keys.is_empty()) {
            got.push("a key");
        }
    }
    say(format!("reached {got:?}"))
}

fn keys_without_a_grant() -> Told {
    say(format!("reached {}", keyvalue::open("default").is_ok_and(|bucket| bucket.get("key").is_ok())))
}

/// Fills its space, and goes on.
fn keys_flood() -> Told {
    let Ok(bucket) = keyvalue::open("default") else { return say("no bucket") };
    let value = vec![b'k'; 10_000];
    let mut set = 0_u32;
    for number in 0..2000 {
        set += u32::from(bucket.set(&format!("key{number}"), &value).is_ok());
    }
    let long = "k".repeat(100_000);
    let more = [bucket.set(&long, b"x").is_ok(), bucket.set("large", &vec![0; 900_000]).is_ok()];
    say(format!("set {set}, {more:?}"))
}

/// Keys that are none, and cursors that nobody gave out.
fn keys_strange() -> Told {
    let Ok(bucket) = keyvalue::open("default") else { return say("no bucket") };
    for key in ["", "\0", "a\nb", "\u{202e}", "\u{1b}[2J", "'; DROP TABLE kept; --"] {
        let _ = bucket.set(key, key.as_bytes());
        let _ = bucket.get(key);
    }
    let mut listed = Vec::new();
    for cursor in ["", "\0", "-1", "99999999999999999999", "'; DROP TABLE kept; --"] {
        listed.push(bucket.list_keys(Some(cursor)).is_ok());
    }
    say(format!("listed {}", listed.len()))
}
