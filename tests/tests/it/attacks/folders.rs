//! Attacks on files: those of the host, and those in a folder that was granted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::Told::{Begins, Says, Something};
use super::{Attack, Counted, contained, setup};

/// What `/data` may become.
const FOLDER_BYTES_MAX: u64 = 300_000;

fn folders() -> TempDir {
    let temp = tempfile::tempdir().expect("a temporary folder can be made");
    for folder in ["data", "data/sub", "seen", "outside"] {
        fs::create_dir(temp.path().join(folder)).expect("a folder can be made");
    }
    for (file, text) in [("outside/secret", "the-secret"), ("seen/text", "to be read"), ("data/text", "x")] {
        fs::write(temp.path().join(file), text).expect("a file can be written");
    }
    symlink(temp.path().join("outside"), temp.path().join("data/out")).expect("a link can be made");
    symlink("../outside/secret", temp.path().join("data/up")).expect("a link can be made");
    temp
}

/// What is granted of them.
fn grants(temp: &Path, attack: &str) -> String {
    let path = |name: &str| temp.join(name).display().to_string();
    let config = json!({ "secret": path("outside/secret") });
    format!(
        "[plugin.{attack}.grants]\nconfig = {{ secret = {} }}\n\
         [[plugin.{attack}.grants.folders]]\npath = {:?}\nguest = '/data'\nwrite = true\nbytes_max = {FOLDER_BYTES_MAX}\n\
         [[plugin.{attack}.grants.folders]]\npath = {:?}\nguest = '/seen'\n",
        config["secret"],
        path("data"),
        path("seen")
    )
}

const fn says(name: &'static str, text: &'static str) -> Attack {
    Attack { name, config: "", told: Says(text), counted: Counted::Nothing }
}

#[test]
fn nothing_else_is_reached() {
    let temp = folders();
    let attacks = [
        says("files-without-a-grant", "reached []"),
        says("files-escape", "reached []"),
        says("files-escape-by-link", "reached []"),
        says("files-write-where-only-read", "wrote 0"),
        Attack { told: Begins("wrote "), ..says("files-fill-the-disk", "") },
        Attack { told: Something, ..says("files-keep-open", "") },
        Attack { told: Begins("made "), ..says("files-strange-names", "") },
        says("files-read-everything-at-once", "read true"),
    ];
    let granted: String = attacks[1..].iter().map(|attack| grants(temp.path(), attack.name)).collect();
    let host = setup(&attacks).config(&granted).start();
    contained(&host, &attacks);
    host.stop();

    let read = |name: &str| fs::read_to_string(temp.path().join(name)).expect("a file can be read");
    assert_eq!((read("outside/secret").as_str(), read("seen/text").as_str()), ("the-secret", "to be read"));
    assert_eq!((count(temp.path().join("outside")), count(temp.path().join("seen"))), (1, 1));
    let size = size(&temp.path().join("data"));
    assert!(size <= FOLDER_BYTES_MAX, "{size} bytes");
}

fn count(folder: PathBuf) -> usize {
    fs::read_dir(folder).expect("a folder can be listed").count()
}

/// The bytes of all files below `folder`, links not followed.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder can be listed");
    let sizes = entries.map(|entry| {
        let entry = entry.expect("a folder can be listed");
        let meta = entry.metadata().expect("a file can be looked at");
        if meta.is_dir() { size(&entry.path()) } else { meta.len() }
    });
    sizes.sum()
}
