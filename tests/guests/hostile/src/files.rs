//! Files that are nobody's business.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::mem::forget;

use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};

use crate::bindings::wasi::config::store;
use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("files-without-a-grant", files_without_a_grant),
    ("files-escape", files_escape),
    ("files-escape-by-link", files_escape_by_link),
    ("files-write-where-only-read", files_write_where_only_read),
    ("files-fill-the-disk", files_fill_the_disk),
    ("files-keep-open", files_keep_open),
    ("files-strange-names", files_strange_names),
    ("files-read-everything-at-once", files_read_everything_at_once),
];

/// Where a host keeps what it does not tell.
const ELSEWHERE: &[&str] = &[
    "/etc/passwd",
    "/proc/self/environ",
    "/proc/self/maps",
    "/proc/self/cwd/toolyard.toml",
    "/dev/zero",
    "/",
    ".",
    "..",
    "toolyard.toml",
    "../toolyard.toml",
    "//etc//passwd",
    "/data/../etc/passwd",
];

fn files_without_a_grant() -> Told {
    let mut got: Vec<String> = ELSEWHERE.iter().filter_map(|path| reached(path)).collect();
    got.extend(get_directories().into_iter().map(|(_, path)| path));
    got.extend(std::env::args());
    got.extend(std::env::current_dir().map(|path| path.display().to_string()).ok().filter(|path| path != "/"));
    say(format!("reached {got:?}"))
}

/// Out of `/data`, by every way that a path can be written.
fn files_escape() -> Told {
    let secret = store::get("secret").ok().flatten().unwrap_or_default();
    let up = [
        "../outside/secret",
        "./../outside/secret",
        "sub/../../outside/secret",
        "..//outside//secret",
        ".../../outside/secret",
    ];
    let ways = up.iter().map(|way| format!("/data/{way}")).chain([
        secret.clone(),
        format!("/data/{secret}"),
        format!("/data//{secret}"),
    ]);
    let mut got: Vec<String> = ways.filter_map(|path| reached(&path)).collect();
    for (folder, _) in get_directories() {
        let paths = [secret.as_str(), "..", "../outside/secret", "/", "/proc/self/environ", "..\\outside\\secret"];
        got.extend(paths.iter().filter(|path| opened(&folder, path)).map(|path| (*path).to_owned()));
    }
    say(format!("reached {got:?}"))
}

/// Through links: those that are there, and those that it makes.
fn files_escape_by_link() -> Told {
    let secret = store::get("secret").ok().flatten().unwrap_or_default();
    let mut got: Vec<String> =
        ["/data/out", "/data/out/secret", "/data/up"].iter().filter_map(|path| reached(path)).collect();
    for (folder, _) in get_directories() {
        for (number, target) in
            [secret.as_str(), "../outside/secret", "../../../../etc/passwd", "/proc/self/environ"].iter().enumerate()
        {
            let name = format!("link{number}");
            let _ = folder.symlink_at(target, &name);
            let _ = folder.link_at(PathFlags::empty(), target, &folder, &format!("hard{number}"));
            let _ = folder.rename_at(target, &folder, &format!("moved{number}"));
            let names = [name.clone(), format!("hard{number}"), format!("moved{number}")];
            got.extend(names.iter().filter(|name| opened(&folder, name)).cloned());
        }
    }
    say(format!("reached {got:?}"))
}

/// In `/seen`, which it may only read.
fn files_write_where_only_read() -> Told {
    let told = [
        fs::write("/seen/new", "x").is_ok(),
        fs::write("/seen/text", "x").is_ok(),
        fs::remove_file("/seen/text").is_ok(),
        fs::rename("/seen/text", "/seen/other").is_ok(),
        fs::create_dir("/seen/folder").is_ok(),
        OpenOptions::new().append(true).open("/seen/text").is_ok(),
        File::open("/seen/text").and_then(|file| file.set_len(0)).is_ok(),
    ];
    say(format!("wrote {}", told.iter().filter(|did| **did).count()))
}

/// Files that grow, files that are many, and files that only say that they are large.
fn files_fill_the_disk() -> Told {
    let piece = vec![b'd'; 64 * 1024];
    let mut written = 0;
    for number in 0..50 {
        let Ok(mut file) = File::create(format!("/data/full{number}")) else { continue };
        while let Ok(bytes) = file.write(&piece) {
            written += bytes;
        }
        let _ = file.set_len(u64::MAX >> 1);
    }
    say(format!("wrote {written}"))
}

/// Never closes what it opens.
fn files_keep_open() -> Told {
    let mut kept = 0;
    loop {
        match File::open("/seen/text") {
            Ok(file) => forget(file),
            Err(error) => return say(format!("kept {kept}, then {error}")),
        }
        kept += 1;
    }
}

fn files_strange_names() -> Told {
    let long = "l".repeat(300_000);
    let deep = "d/".repeat(50_000);
    let mut made = 0;
    for name in
        ["a\0b", "", "\u{202e}gnp.exe", "new\nline", "\u{1b}[2J", &long, &deep, "con", "a/b\0/../../outside/secret"]
    {
        made += u32::from(fs::write(format!("/data/{name}"), "x").is_ok());
    }
    say(format!("made {made}"))
}

/// A file, as if it were as long as a number can be.
fn files_read_everything_at_once() -> Told {
    let mut read = 0;
    for (folder, _) in get_directories() {
        let Ok(file) = folder.open_at(PathFlags::empty(), "text", OpenFlags::empty(), DescriptorFlags::READ) else {
            continue;
        };
        for offset in [0, 1 << 40, u64::MAX] {
            read += file.read(u64::MAX, offset).map_or(0, |(bytes, _)| bytes.len());
        }
        read += file
            .read_via_stream(0)
            .ok()
            .and_then(|stream| stream.blocking_read(u64::MAX).ok())
            .map_or(0, |bytes| bytes.len());
    }
    say(format!("read {}", read > 0))
}

/// What it got there, in short.
fn reached(path: &str) -> Option<String> {
    if let Ok(text) = fs::read(path) {
        return Some(format!("{path}: {}", String::from_utf8_lossy(&text[..text.len().min(100)])));
    }
    let entries = fs::read_dir(path).ok()?;
    Some(format!("{path}: {} entries", entries.count()))
}

fn opened(folder: &Descriptor, path: &str) -> bool {
    let modes = [DescriptorFlags::READ, DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY];
    let follow = [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW];
    modes.iter().any(|mode| {
        follow.iter().any(|follow| {
            folder.open_at(*follow, path, OpenFlags::empty(), *mode).is_ok()
                || folder.open_at(*follow, path, OpenFlags::DIRECTORY, *mode).is_ok()
        })
    })
}
