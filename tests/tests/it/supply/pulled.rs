//! Plugins from a registry: by tag, by digest, with a password, and with the registry away.

use std::fs;
use std::os::unix::fs::MetadataExt;

use toolyard_tests::{LOGIN, Registry, Setup, eventually, sha256};

use super::{bad, described, folder, good, said, saying, setup, wait_until_says};

const POLL: &str = "[supply]\npoll_s = 1\n";

fn source(reference: &str) -> String {
    format!("[plugin.p]\nsource = \"oci://{reference}\"\n")
}

#[test]
fn by_tag_which_is_looked_up_again() {
    let registry = Registry::start();
    let first = registry.push("acme/p", "1.0", &saying("one", "Says one."));
    let folder = folder();
    let config = [POLL, &registry.config(), &source(&format!("{}/acme/p:1.0", registry.name()))].concat();
    let host = setup(&folder).config(&config).start();
    assert_eq!(said(&host), "one");
    assert_eq!(host.ready["plugins"][0]["digest"], first.component);

    // Where nothing is said of lock files, a tag is what the registry says.
    registry.push("acme/p", "1.0", &saying("two", "Says two."));
    wait_until_says(&host, "two");
    assert_eq!(described(&host), "Says two.");
    host.stop();

    let kept = folder.path().join("cache/components");
    assert_eq!(fs::metadata(&kept).expect("it is there").mode() & 0o777, 0o700);
    let component = kept.join(first.component.replace(':', "-"));
    assert_eq!(fs::metadata(component).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn by_digest_whatever_becomes_of_the_tag() {
    let registry = Registry::start();
    let first = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let reference = format!("{}/acme/p:1.0@{}", registry.name(), first.manifest);
    let config = [POLL, &registry.config(), &source(&reference)].concat();
    registry.push("acme/p", "1.0", &saying("two", "Says."));
    let host = setup(&folder).config(&config).start();
    assert_eq!(said(&host), "one");
    host.stop();
}

#[test]
fn a_digest_that_nobody_has_is_refused() {
    let registry = Registry::start();
    registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let reference = format!("{}/acme/p@{}", registry.name(), sha256(b"something else"));
    let host = setup(&folder).config(&[registry.config(), source(&reference)].concat()).start();
    assert_eq!(host.tools(), [""; 0]);
    let refused = host.ready["refused"][0].to_string();
    assert!(refused.contains("404") && refused.contains(&reference), "{refused}");
    host.stop();
}

#[test]
fn a_password_opens_what_is_closed() {
    let registry = Registry::closed();
    registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    fs::write(folder.path().join("password"), format!("{}\n", LOGIN.1)).expect("a file can be written");
    let secret = format!("[secret.registry]\nfile = \"{}\"\n", folder.path().join("password").display());
    let login = format!("username = \"{}\"\npassword_secret = \"registry\"\n", LOGIN.0);
    let plugin = source(&format!("{}/acme/p:1.0", registry.name()));
    let host = setup(&folder).config(&[registry.config(), login, secret, plugin.clone()].concat()).start();
    assert_eq!(said(&host), "one");
    host.stop();

    let stranger = super::folder();
    let host = setup(&stranger).config(&[registry.config(), plugin].concat()).start();
    assert_eq!(host.tools(), [""; 0]);
    let refused = host.ready["refused"][0].to_string();
    assert!(refused.contains("asks for a password") && !refused.contains(LOGIN.1), "{refused}");
    host.stop();
}

#[test]
fn without_the_registry_a_host_starts_with_what_it_has() {
    let mut registry = Registry::start();
    let pushed = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let pinned = source(&format!("{}/acme/p@{}", registry.name(), pushed.manifest));
    let config = [POLL, &registry.config(), &pinned].concat();
    setup(&folder).config(&config).start().stop();
    registry.stop();

    let host = setup(&folder).config(&config).start();
    assert_eq!(said(&host), "one");
    host.stop();

    // What was changed on the disk is not what is pinned.
    let component = folder.path().join("cache/components").join(pushed.component.replace(':', "-"));
    fs::write(&component, saying("evil", "Says.")).expect("a file can be written");
    let host = setup(&folder).config(&config).start();
    assert_eq!(host.tools(), [""; 0]);
    host.log.wait_for(&["is not what its name says"]);

    // It is tried again until the registry is back.
    registry.start_again();
    wait_until_says(&host, "one");
    assert!(host.log.lines().iter().any(|line| line.contains("not pulled")));
    host.stop();
}

#[test]
fn with_neither_registry_nor_cache_the_others_are_served() {
    let mut registry = Registry::start();
    registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let config = [POLL, &registry.config(), &source(&format!("{}/acme/p:1.0", registry.name()))].concat();
    registry.stop();
    let host = setup(&folder).config(&config).file("q.wasm", saying("here", "Says.")).start();
    assert_eq!(host.tools(), ["q_say"]);
    registry.start_again();
    host.wait_for_tools(&["p_say", "q_say"]);

    // What serves goes on serving while the registry is away, and takes what is new when it is back.
    registry.stop();
    host.log.wait_for(&["not pulled", "what there was goes on"]);
    assert_eq!(said(&host), "one");
    registry.start_again();
    registry.push("acme/p", "1.0", &saying("two", "Says."));
    wait_until_says(&host, "two");
    host.stop();
}

#[test]
fn a_file_elsewhere_is_a_source_too_and_hides_one_of_its_name() {
    let folder = folder();
    fs::write(folder.path().join("elsewhere.wasm"), saying("elsewhere", "Says.")).expect("a file can be written");
    let config = format!("[plugin.p]\nsource = \"{}\"\n", folder.path().join("elsewhere.wasm").display());
    let host = setup(&folder).config(&config).file("p.wasm", saying("folder", "Says.")).start();
    assert_eq!(said(&host), "elsewhere");
    assert!(host.refused("p.wasm").contains("comes from elsewhere"));
    host.stop();
    let config = "[plugin.p]\nsource = \"/nowhere/p.wasm\"\n";
    let host = Setup::new().config(config).start();
    assert!(host.refused("/nowhere/p.wasm").contains("is not there"));
    host.stop();
}

#[test]
fn pull_fills_the_cache_and_call_uses_it() {
    let mut registry = Registry::start();
    let pushed = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let folder = folder();
    let reference = format!("{}/acme/p@{}", registry.name(), pushed.manifest);
    let config = [registry.config(), source(&reference)].concat();
    fs::write(folder.path().join("toolyard.toml"), config).expect("a file can be written");
    let printed = good(folder.path(), &["pull"]);
    assert_eq!(printed, format!("default/p  {}  {}\n", pushed.manifest, pushed.component));
    let output = folder.path().join("copy.wasm");
    let by_tag = format!("oci://{}/acme/p:1.0", registry.name());
    let printed = good(folder.path(), &["pull", &by_tag, "--output", output.to_str().expect("a plain path")]);
    assert!(printed.contains(&pushed.manifest) && printed.contains("copy.wasm"), "{printed}");
    assert_eq!(fs::read(&output).expect("it was written"), saying("one", "Says."));

    registry.stop();
    assert_eq!(good(folder.path(), &["call", "p", "say"]), "one\n");
    assert!(bad(folder.path(), &["pull", &by_tag]).contains(&by_tag));
}

#[test]
fn tenants_have_sources_of_their_own() {
    let registry = Registry::start();
    registry.push("acme/p", "1.0", &saying("one", "Says."));
    registry.push("other/p", "2.0", &saying("two", "Says."));
    let folder = folder();
    let name = registry.name();
    let config = format!(
        "{}[plugin.p]\nsource = \"oci://{name}/acme/p:1.0\"\n[tenant.blue.plugin.p]\nsource = \"oci://{name}/other/p:2.0\"\n",
        registry.config()
    );
    let host = setup(&folder).config(&config).start();
    assert_eq!(said(&host), "one");
    let blue = eventually("the other tenant's plugin", || host.ready["tenants"][0]["plugins"].get(0).cloned());
    assert_eq!(blue["tools"][0], "p_say");
    assert_ne!(blue["digest"], host.ready["plugins"][0]["digest"]);
    host.stop();
}
