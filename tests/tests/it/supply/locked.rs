//! The lock file: what is not in it is not served where that is wanted.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use toolyard_tests::{Registry, Setup};

use super::{bad, folder, good, said, saying, setup, wait_until_says};

/// A folder with a configuration, and these plugins.
fn project(config: &str, plugins: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("plugins")).expect("a folder can be made");
    fs::write(folder.path().join("toolyard.toml"), config).expect("a file can be written");
    for (name, component) in plugins {
        fs::write(folder.path().join("plugins").join(name), component).expect("a file can be written");
    }
    folder
}

/// A host that serves only what the lock file of that folder has.
fn locked(folder: &TempDir, config: &str) -> Setup {
    let lock = folder.path().join("toolyard.lock");
    let config = format!("{config}[supply]\nlock_file = \"{}\"\npoll_s = 1\n", lock.display());
    setup(folder).config(&config).argument("--locked")
}

fn lock(folder: &Path) -> String {
    fs::read_to_string(folder.join("toolyard.lock")).expect("there is a lock file")
}

#[test]
fn what_is_not_in_it_is_not_served() {
    let project = project("", &[("p.wasm", saying("one", "Says."))]);
    good(project.path(), &["lock"]);
    let host =
        locked(&project, "").file("p.wasm", saying("one", "Says.")).file("q.wasm", saying("two", "Says.")).start();
    assert_eq!(host.tools(), ["p_say"]);
    assert!(host.refused("q.wasm").contains("is not in the lock file"));

    // The same words from another component are another component.
    host.put("p.wasm", &saying("other", "Says."));
    host.log.wait_for(&["p.wasm", "the lock file has sha256:", "the version before it goes on serving"]);
    assert_eq!(said(&host), "one");

    fs::write(project.path().join("plugins/p.wasm"), saying("other", "Says.")).expect("a file can be written");
    good(project.path(), &["lock"]);
    wait_until_says(&host, "other");
    host.stop();
}

#[test]
fn a_tag_is_what_it_was_when_it_was_locked() {
    let mut registry = Registry::start();
    let first = registry.push("acme/p", "1.0", &saying("one", "Says."));
    let config = format!("{}[plugin.p]\nsource = \"oci://{}/acme/p:1.0\"\n", registry.config(), registry.name());
    let project = project(&config, &[]);
    good(project.path(), &["lock"]);
    let text = lock(project.path());
    for known in [&first.manifest, &first.component, &format!("oci://{}/acme/p:1.0", registry.name())] {
        assert!(text.contains(known.as_str()), "{text}");
    }
    assert!(text.contains("version = \"1.0\"") && text.contains("say = \"sha256:"), "{text}");

    registry.push("acme/p", "1.0", &saying("two", "Says."));
    let host = locked(&project, &config).start();
    assert_eq!(said(&host), "one");
    // The lock file is written anew, and the host goes where it points.
    good(project.path(), &["lock"]);
    wait_until_says(&host, "two");
    host.stop();

    registry.stop();
    let host = locked(&project, &config).start();
    assert_eq!(said(&host), "two");
    host.stop();

    // Where a tag led is known, too, to a host that would follow it elsewhere.
    let lock = format!("{config}[supply]\nlock_file = \"{}\"\n", project.path().join("toolyard.lock").display());
    let host = setup(&project).config(&lock).start();
    assert_eq!(said(&host), "two");
    host.stop();

    // Another source is not what was locked, even if the rest were the same.
    let host = locked(&project, &config.replace("acme/p:1.0", "acme/p:2.0")).start();
    assert!(host.ready["refused"][0]["reason"].as_str().is_some_and(|reason| reason.contains("not in the lock file")));
    host.stop();
}

#[test]
fn it_is_the_same_each_time_and_goes_with_what_is_there() {
    let project = project("", &[("b.wasm", saying("b", "Says b.")), ("a.wasm", saying("a", "Says a."))]);
    good(project.path(), &["lock"]);
    let first = lock(project.path());
    assert!(first.find("name = \"a\"") < first.find("name = \"b\""), "{first}");
    assert!(!first.contains(project.path().to_str().expect("a plain path")), "it can be taken elsewhere: {first}");
    good(project.path(), &["lock"]);
    assert_eq!(lock(project.path()), first);
    fs::remove_file(project.path().join("plugins/b.wasm")).expect("a file can be removed");
    assert!(good(project.path(), &["lock"]).contains("gone     default/b"));
    assert!(!lock(project.path()).contains("\"b\""));
}

#[test]
fn what_does_not_load_is_not_locked() {
    let project = project("", &[("p.wasm", saying("one", "Says.")), ("q.wasm", b"nonsense".to_vec())]);
    let failed = bad(project.path(), &["lock"]);
    assert!(failed.contains("q.wasm") && failed.contains("nothing is locked"), "{failed}");
    assert!(!project.path().join("toolyard.lock").exists());
}

#[test]
fn without_a_lock_file_nothing_starts_locked() {
    let project = project("[supply]\nlocked = true\n", &[("p.wasm", saying("one", "Says."))]);
    let failed = bad(project.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(failed.contains("write it with `toolyard lock`"), "{failed}");
    // `toolyard lock` is how it comes to be, so it is not bound by it.
    good(project.path(), &["lock"]);
    fs::write(project.path().join("toolyard.lock"), "form = 9\n").expect("a file can be written");
    let failed = bad(project.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(failed.contains("toolyard.lock") && failed.contains("form 9"), "{failed}");
}
