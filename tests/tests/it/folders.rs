//! Folders, as a plugin has them: `wasi:filesystem`, and all the ways out of it that are none.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use tempfile::TempDir;
use toolyard_tests::{Host, Setup, guest};

use crate::expect;

/// What a guest is told of what it may not.
const NOT_PERMITTED: &str = "Operation not permitted";
const FULL: &str = "No space left on device";

/// Folders of the operator's, beside something that is nobody's business.
struct Yard {
    temp: TempDir,
}

impl Yard {
    fn new() -> Yard {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        for folder in ["data", "seen", "outside"] {
            fs::create_dir(temp.path().join(folder)).expect("a folder can be made");
        }
        let yard = Yard { temp };
        yard.put("outside/secret", "secret");
        yard.put("seen/text", "to be read");
        yard.put("data/text", "to be written");
        yard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file can be written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name} cannot be read: {error}"))
    }

    fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The keeper as `a`, which may write to `/data`, up to this many bytes, and read `/seen`.
    fn host(&self, bytes_max: u64) -> Host {
        self.setup("a", bytes_max).start()
    }

    fn setup(&self, plugin: &str, bytes_max: u64) -> Setup {
        let (data, seen) = (self.path("data"), self.path("seen"));
        let config = format!(
            "[[plugin.{plugin}.grants.folders]]\npath = {data:?}\nguest = \"/data\"\nwrite = true\nbytes_max = {bytes_max}\n\
             [[plugin.{plugin}.grants.folders]]\npath = {seen:?}\nguest = \"/seen\"\n"
        );
        Setup::new().file("a.wasm", guest("keeper")).config(&config)
    }
}

const LARGE: u64 = 1 << 30;

fn say(host: &Host, tool: &str, arguments: &Value) -> String {
    expect::text(&host.call(tool, arguments)).to_owned()
}

fn tell(host: &Host, tool: &str, arguments: &Value) -> Value {
    let text = say(host, tool, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{tool} said no JSON ({error}): {text}"))
}

fn fail(host: &Host, tool: &str, arguments: &Value) -> String {
    expect::failure(&host.call(tool, arguments))
}

/// All the ways to change something at `path`, which is a file, in `folder`.
fn changes(folder: &str, path: &str) -> Vec<(&'static str, Value)> {
    let new = format!("{folder}/new");
    vec![
        ("a_write", json!({ "path": path, "text": "x" })),
        ("a_write", json!({ "path": new, "text": "x" })),
        ("a_append", json!({ "path": path, "text": "x" })),
        ("a_patch", json!({ "path": path, "at": 0, "text": "x" })),
        ("a_set_size", json!({ "path": path, "bytes": 0 })),
        ("a_make_folder", json!({ "path": new })),
        ("a_remove", json!({ "path": path })),
        ("a_rename", json!({ "from": path, "to": new })),
        ("a_link", json!({ "from": path, "to": new })),
        ("a_symlink", json!({ "target": "text", "path": new })),
    ]
}

#[test]
fn a_folder_is_read_and_written() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    assert_eq!(say(&host, "a_read", &json!({ "path": "/data/text" })), "to be written");
    say(&host, "a_write", &json!({ "path": "/data/text", "text": "written" }));
    say(&host, "a_append", &json!({ "path": "/data/text", "text": " twice" }));
    assert_eq!(say(&host, "a_patch", &json!({ "path": "/data/text", "at": 8, "text": "T" })), "written Twice");
    assert_eq!(yard.read("data/text"), "written Twice");
    say(&host, "a_make_folder", &json!({ "path": "/data/sub" }));
    say(&host, "a_rename", &json!({ "from": "/data/text", "to": "/data/sub/moved" }));
    say(&host, "a_link", &json!({ "from": "/data/sub/moved", "to": "/data/again" }));
    say(&host, "a_symlink", &json!({ "target": "sub/moved", "path": "/data/link" }));
    assert_eq!(say(&host, "a_read", &json!({ "path": "/data/link" })), "written Twice");
    assert_eq!(say(&host, "a_read_link", &json!({ "path": "/data/link" })), "sub/moved");
    assert_eq!(tell(&host, "a_list", &json!({ "path": "/data" })), json!(["again", "link", "sub"]));
    say(&host, "a_set_size", &json!({ "path": "/data/again", "bytes": 7 }));
    assert_eq!(say(&host, "a_read", &json!({ "path": "/data/sub/../link" })), "written");
    for path in ["/data/again", "/data/link", "/data/sub/moved"] {
        say(&host, "a_remove", &json!({ "path": path }));
    }
    say(&host, "a_remove_folder", &json!({ "path": "/data/sub" }));
    assert_eq!(tell(&host, "a_list", &json!({ "path": "/data" })), json!([]));
    // More than one write, and more than one part of a list.
    assert_eq!(say(&host, "a_fill", &json!({ "path": "/data/large", "bytes": 1_000_001 })), "1000001");
    assert_eq!(tell(&host, "a_litter", &json!({ "path": "/data", "count": 1000 })), json!({ "made": 1000 }));
    assert_eq!(tell(&host, "a_list", &json!({ "path": "/data" })).as_array().map(Vec::len), Some(1001));
    host.stop();
}

#[test]
fn what_is_granted_to_be_read_is_only_read() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    assert_eq!(say(&host, "a_read", &json!({ "path": "/seen/text" })), "to be read");
    assert_eq!(tell(&host, "a_list", &json!({ "path": "/seen" })), json!(["text"]));
    for (tool, arguments) in changes("/seen", "/seen/text") {
        let said = fail(&host, tool, &arguments);
        assert!(said.contains(NOT_PERMITTED), "{tool} {arguments}: {said}");
    }
    host.log.wait_for(&["refused: it is not granted", "folders", "/seen: writing to it"]);
    // Nor by a way round: from there to where it can write.
    for (tool, arguments) in [
        ("a_link", json!({ "from": "/seen/text", "to": "/data/linked" })),
        ("a_rename", json!({ "from": "/seen/text", "to": "/data/linked" })),
        ("a_rename", json!({ "from": "/data/text", "to": "/seen/text" })),
        ("a_link", json!({ "from": "/data/text", "to": "/seen/linked" })),
    ] {
        assert!(fail(&host, tool, &arguments).contains(NOT_PERMITTED), "{tool} {arguments}");
    }
    say(&host, "a_symlink", &json!({ "target": "seen/text", "path": "/data/round" }));
    fail(&host, "a_write", &json!({ "path": "/data/round", "text": "x" }));
    assert_eq!(fs::read_dir(yard.path("seen")).expect("a folder can be read").count(), 1);
    assert_eq!(yard.read("seen/text"), "to be read");
    host.stop();
}

#[test]
fn without_a_grant_there_are_no_files() {
    let host = Setup::new().guest("keeper").start();
    for path in ["/", ".", "/data", "/etc/passwd", "/proc/self/environ", "../../etc/passwd", ""] {
        fail(&host, "keeper_read", &json!({ "path": path }));
        fail(&host, "keeper_list", &json!({ "path": path }));
        fail(&host, "keeper_write", &json!({ "path": format!("{path}x"), "text": "x" }));
    }
    host.stop();
}

#[test]
fn no_path_leads_out() {
    let yard = Yard::new();
    symlink("../outside/secret", yard.path("data/up")).expect("a link can be made");
    symlink(yard.path("outside/secret"), yard.path("data/absolute")).expect("a link can be made");
    symlink("../outside", yard.path("data/folder")).expect("a link can be made");
    symlink("up", yard.path("data/chain")).expect("a link can be made");
    symlink("/proc/self/cwd", yard.path("data/magic")).expect("a link can be made");
    symlink("../outside/new", yard.path("data/dangling")).expect("a link can be made");
    let host = yard.host(LARGE);
    let paths = [
        "/data/../outside/secret",
        "/data/../../../../../../../../etc/passwd",
        "/data/./../outside/secret",
        "/data/up",
        "/data/absolute",
        "/data/folder/secret",
        "/data/chain",
        "/data/magic/Cargo.toml",
        "/etc/passwd",
        "/data//../outside/secret",
        "/outside/secret",
        "/data/folder/../../outside/secret",
        "/database",
        "/data/dangling",
    ];
    for path in paths {
        fail(&host, "a_read", &json!({ "path": path }));
        let renamed = json!({ "from": "/data/text", "to": format!("{path}-x") });
        for (tool, arguments) in changes("/data/../outside", path) {
            // That a link within the folder can itself be moved or removed is right; the rest of this test is about the others.
            let of_link = matches!(tool, "a_remove" | "a_rename" | "a_link");
            if !of_link {
                fail(&host, tool, &arguments);
            }
        }
        if path.contains("..") {
            fail(&host, "a_rename", &renamed);
            fail(&host, "a_remove", &json!({ "path": path }));
            fail(&host, "a_link", &json!({ "from": path, "to": "/data/linked" }));
        }
    }
    host.log.wait_for(&["refused: it is not granted", "folders", "leads out of it"]);
    fail(&host, "a_list", &json!({ "path": "/data/folder" }));
    fail(&host, "a_list", &json!({ "path": "/data/.." }));
    // Where such a link leads is nothing for the guest either.
    assert!(fail(&host, "a_read_link", &json!({ "path": "/data/absolute" })).contains(NOT_PERMITTED));
    assert_eq!(yard.read("outside/secret"), "secret");
    assert_eq!(fs::read_dir(yard.path("outside")).expect("a folder can be read").count(), 1);
    assert_eq!(yard.read("data/text"), "to be written");
    host.stop();
}

#[test]
fn a_guest_makes_no_link_that_leads_out() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    say(&host, "a_make_folder", &json!({ "path": "/data/sub" }));
    let absolute = yard.path("outside/secret");
    let absolute = absolute.to_str().expect("a path is text");
    // The last stays within, but where it stands it can be moved up from.
    for target in [absolute, "/", "..", "../outside/secret", "sub/../../outside", "./..", "/data/text", "../text"] {
        let said = fail(&host, "a_symlink", &json!({ "target": target, "path": "/data/sub/link" }));
        assert!(said.contains(NOT_PERMITTED), "{target}: {said}");
        assert!(!yard.exists("data/sub/link"), "{target}");
    }
    host.log.wait_for(&["refused: it is not granted", "folders", "may lead out of it"]);
    say(&host, "a_symlink", &json!({ "target": "./deeper/..x", "path": "/data/sub/link" }));
    host.stop();
}

#[test]
fn names_of_all_kinds() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    for name in ["ä\u{1f980}", " ", "a\nb", "-rf", "con", "\u{202e}x", "...", "~", "%2e%2e"] {
        let path = format!("/data/{name}");
        say(&host, "a_write", &json!({ "path": path, "text": name }));
        assert_eq!(yard.read(&format!("data/{name}")), name);
    }
    for name in ["a\0b".to_owned(), "n".repeat(256), "d/".repeat(5000), "d".repeat(1 << 20)] {
        let path = format!("/data/{name}");
        for tool in ["a_read", "a_list", "a_make_folder", "a_kind"] {
            fail(&host, tool, &json!({ "path": path }));
        }
        fail(&host, "a_write", &json!({ "path": path, "text": "x" }));
    }
    // As deep as it can name it.
    let dug = tell(&host, "a_dig", &json!({ "path": "/data", "count": 5000 }));
    assert!(dug["made"].as_u64().is_some_and(|made| made > 100), "{dug}");
    assert_eq!(say(&host, "a_read", &json!({ "path": "/data/text" })), "to be written");
    host.stop();
}

#[test]
fn what_is_no_file_is_not_opened_and_keeps_nobody_waiting() {
    let yard = Yard::new();
    mkfifoat(CWD, yard.path("data/pipe"), Mode::RWXU).expect("a pipe can be made");
    symlink("pipe", yard.path("data/to-pipe")).expect("a link can be made");
    let _socket = UnixListener::bind(yard.path("data/socket")).expect("a socket can be made");
    let host = yard.host(LARGE);
    for path in ["/data/pipe", "/data/to-pipe", "/data/socket"] {
        let said = fail(&host, "a_read", &json!({ "path": path }));
        assert!(said.contains(NOT_PERMITTED), "{path}: {said}");
        for tool in ["a_write", "a_append"] {
            let said = fail(&host, tool, &json!({ "path": path, "text": "x" }));
            assert!(said.contains(NOT_PERMITTED), "{tool} {path}: {said}");
        }
        fail(&host, "a_set_size", &json!({ "path": path, "bytes": 1 }));
    }
    // It can be seen, and moved out of the way.
    assert_eq!(tell(&host, "a_list", &json!({ "path": "/data" })), json!(["pipe", "socket", "text", "to-pipe"]));
    say(&host, "a_rename", &json!({ "from": "/data/pipe", "to": "/data/text" }));
    assert!(fail(&host, "a_read", &json!({ "path": "/data/text" })).contains(NOT_PERMITTED));
    say(&host, "a_remove", &json!({ "path": "/data/text" }));
    // No thread of the host's hangs in it.
    host.stop();
}

#[test]
fn a_folder_does_not_grow_beyond_its_size() {
    let yard = Yard::new();
    // One file is there: 4096 for the entry, 13 for what is in it.
    let host = yard.host(3 * 4096 + 100_000);
    let large = json!({ "path": "/data/large", "bytes": 120_000 });
    assert!(fail(&host, "a_fill", &large).contains(FULL));
    assert!(fs::metadata(yard.path("data/large")).expect("it was begun").size() <= 104_000);
    assert!(fail(&host, "a_append", &json!({ "path": "/data/large", "text": "x".repeat(50_000) })).contains(FULL));
    // Without a byte written, but as large.
    for bytes in [200_000, 1_u64 << 40, i64::MAX as u64] {
        assert!(fail(&host, "a_set_size", &json!({ "path": "/data/sparse", "bytes": bytes })).contains(FULL));
        let patch = json!({ "path": "/data/text", "at": bytes, "text": "x" });
        assert!(fail(&host, "a_patch", &patch).contains(FULL), "{bytes}");
    }
    // What is removed makes room.
    say(&host, "a_remove", &json!({ "path": "/data/large" }));
    assert_eq!(say(&host, "a_fill", &json!({ "path": "/data/again", "bytes": 80_000 })), "80000");
    // And what is overwritten needs none.
    for _ in 0..3 {
        assert_eq!(say(&host, "a_fill", &json!({ "path": "/data/again", "bytes": 80_000 })), "80000");
    }
    host.stop();
}

#[test]
fn what_is_empty_counts_too() {
    let yard = Yard::new();
    let host = yard.host(100 * 4096);
    let littered = tell(&host, "a_litter", &json!({ "path": "/data", "count": 10_000 }));
    assert_eq!(littered["made"], 98, "{littered}");
    assert!(littered["error"].as_str().is_some_and(|error| error.contains(FULL)), "{littered}");
    for (tool, arguments) in [
        ("a_make_folder", json!({ "path": "/data/folder" })),
        ("a_link", json!({ "from": "/data/text", "to": "/data/linked" })),
        ("a_symlink", json!({ "target": "text", "path": "/data/linked" })),
        ("a_write", json!({ "path": "/data/new", "text": "" })),
    ] {
        assert!(fail(&host, tool, &arguments).contains(FULL), "{tool}");
    }
    // What is there can still be read, moved and removed.
    say(&host, "a_rename", &json!({ "from": "/data/1", "to": "/data/one" }));
    say(&host, "a_remove", &json!({ "path": "/data/one" }));
    say(&host, "a_make_folder", &json!({ "path": "/data/folder" }));
    host.stop();
}

#[test]
fn files_that_lost_their_name_count_while_they_are_open() {
    let yard = Yard::new();
    let host = yard.host(1_000_000);
    let ghosts = tell(&host, "a_ghosts", &json!({ "path": "/data", "count": 30, "bytes": 100_000 }));
    assert!(ghosts["made"].as_u64().is_some_and(|made| (5..10).contains(&made)), "{ghosts}");
    assert!(ghosts["error"].as_str().is_some_and(|error| error.contains(FULL)), "{ghosts}");
    // With the call they are gone.
    let ghosts = tell(&host, "a_ghosts", &json!({ "path": "/data", "count": 5, "bytes": 100_000 }));
    assert_eq!(ghosts, json!({ "made": 5 }));
    host.stop();
}

#[test]
fn a_folder_has_one_size_for_all_who_write_to_it() {
    let yard = Yard::new();
    let of_b = yard.path("data");
    let config = format!(
        "[[plugin.b.grants.folders]]\npath = {of_b:?}\nguest = \"/other\"\nwrite = true\nbytes_max = 1000000\n"
    );
    let host = yard.setup("a", 1_000_000).file("b.wasm", guest("keeper")).config(&config).start();
    let tools = [("a_fill", "/data"), ("b_fill", "/other")];
    let filled: usize = thread::scope(|scope| {
        let fillers: Vec<_> = (0..6)
            .map(|n| {
                let (tool, folder) = tools[n % 2];
                let host = &host;
                scope.spawn(move || {
                    let arguments = json!({ "path": format!("{folder}/{n}"), "bytes": 300_000 });
                    host.call(tool, &arguments)["isError"] != true
                })
            })
            .collect();
        fillers.into_iter().filter_map(|filler| filler.join().ok()).filter(|filled| *filled).count()
    });
    let there: u64 = fs::read_dir(yard.path("data"))
        .expect("a folder can be read")
        .map(|entry| 4096 + entry.and_then(|entry| entry.metadata()).expect("a file can be looked at").size())
        .sum();
    assert!(there <= 1_000_000 && filled <= 3, "{there} bytes, {filled} files");
    host.stop();
}

#[test]
fn a_file_that_is_removed_can_be_read_to_its_end() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    assert_eq!(say(&host, "a_read_removed", &json!({ "path": "/data/text" })), "to be written");
    assert!(!yard.exists("data/text"));
    host.stop();
}

#[test]
fn open_files_are_bounded() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    let opened = tell(&host, "a_hoard", &json!({ "path": "/data/text", "count": 1000 }));
    assert_eq!(opened["opened"], 64, "{opened}");
    let opened = tell(&host, "a_hoard", &json!({ "path": "/data/text", "count": 64 }));
    assert_eq!(opened, json!({ "opened": 64 }));
    host.stop();
}

#[test]
fn a_folder_that_is_not_there_is_said_when_the_plugin_is_loaded() {
    let yard = Yard::new();
    fs::remove_dir_all(yard.path("seen")).expect("a folder can be removed");
    let host = yard.setup("a", LARGE).file("b.wasm", guest("keeper")).start();
    let reason = host.refused("a.wasm");
    assert!(reason.contains("seen") && reason.contains("cannot be opened"), "{reason}");
    say(&host, "b_variable", &json!({ "name": "X" }));
    host.stop();
}

#[test]
fn a_folder_that_is_removed_while_it_is_granted_ends_nothing() {
    let yard = Yard::new();
    let host = yard.host(LARGE);
    fs::remove_dir_all(yard.path("data")).expect("a folder can be removed");
    // What has its name now is not what was granted.
    symlink("outside", yard.path("data")).expect("a link can be made");
    fail(&host, "a_read", &json!({ "path": "/data/secret" }));
    fail(&host, "a_write", &json!({ "path": "/data/secret", "text": "x" }));
    assert_eq!(yard.read("outside/secret"), "secret");
    assert_eq!(say(&host, "a_read", &json!({ "path": "/seen/text" })), "to be read");
    host.stop();
}
