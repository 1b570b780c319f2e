use std::fs;
use std::path::PathBuf;

use super::source::Source;
use super::{Violation, direction, guests, lengths, omissions};

/// What `check` says about a file at `path` with this text, as `line: what`.
fn said(check: impl Fn(&Source) -> Vec<Violation>, path: &str, text: &str) -> Vec<String> {
    let source = Source::parse(PathBuf::from(path), text.to_owned()).expect("the text is Rust");
    check(&source).iter().map(|violation| format!("{}: {}", violation.line, violation.what)).collect()
}

#[test]
fn dependencies_point_down() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("host/src/mcp/modern/list.rs", "use crate::catalog::Catalog;", &[]),
        ("host/src/mcp/modern/list.rs", "use crate::config;\nuse crate::ids::Digest;", &[]),
        ("host/src/catalog.rs", "\nuse crate::mcp::Call;", &["2: `catalog` uses `mcp`"]),
        ("host/src/catalog/mod.rs", "use crate::{ids::Digest, mcp::{Call, Outcome}};", &["1: `catalog` uses `mcp`"]),
        ("host/src/catalog/watcher.rs", "fn f() { crate::host::run() }", &["1: `catalog` uses `host`"]),
        ("host/src/store/sqlite.rs", "fn f() { info!(\"{}\", crate::sandbox::X) }", &["1: `store` uses `sandbox`"]),
        ("host/src/http/mod.rs", "use crate::admin::serve;", &["1: `http` uses `admin`"]),
        ("host/src/sandbox/call.rs", "use super::super::http::Reply;", &["1: `sandbox` uses `http`"]),
        (
            "host/src/sandbox/call.rs",
            "mod a { use super::super::engine; use super::super::super::mcp::X; }",
            &["1: `sandbox` uses `mcp`"],
        ),
        ("host/src/ids.rs", "use crate::store::Store;", &["1: `ids` uses `store`"]),
        ("host/src/gadgets.rs", "use crate::ids::Digest;", &[]),
        ("host/src/http/mod.rs", "use crate::gadgets::X;", &["1: `gadgets` has no place in the table of modules"]),
        ("host/src/main.rs", "fn main() { toolyard::cli::run() }", &[]),
        ("host/src/main.rs", "use toolyard::host::Host;", &["1: `main` uses `host`"]),
        ("host/src/lib.rs", "pub mod cli;\npub mod store;", &[]),
        ("bench/src/main.rs", "use crate::mcp::Call; use axum::Router;", &[]),
        ("host/src/store/tests.rs", "use crate::mcp::Call;", &[]),
        ("host/src/store/mod.rs", "#[cfg(test)]\nmod checks {\n    use crate::mcp::Call;\n}", &[]),
    ];
    for (path, text, expected) in cases {
        assert_eq!(said(direction::check, path, text), *expected, "{path}: {text}");
    }
}

#[test]
fn eras_never_import_each_other() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("host/src/mcp/modern.rs", "use crate::mcp::legacy::Session;", &["1: `mcp::modern` uses `mcp::legacy`"]),
        ("host/src/mcp/legacy/list.rs", "use super::super::modern::X;", &["1: `mcp::legacy` uses `mcp::modern`"]),
        ("host/src/mcp/legacy/list.rs", "use crate::mcp::call::Call;\nuse super::Session;", &[]),
        ("host/src/mcp/era.rs", "use super::{modern, legacy};", &[]),
    ];
    for (path, text, expected) in cases {
        assert_eq!(said(direction::check, path, text), *expected, "{path}: {text}");
    }
}

#[test]
fn libraries_are_known_where_they_belong() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("host/src/http/mod.rs", "use axum::Router;", &[]),
        ("host/src/mcp/era.rs", "fn f(_: axum::body::Body) {}", &["1: `mcp` uses `axum`"]),
        ("host/src/catalog/mod.rs", "use ::wasmtime::Engine;", &["1: `catalog` uses `wasmtime`"]),
        ("host/src/catalog/mod.rs", "// wasmtime::Engine\nconst A: &str = \"wasmtime::Engine\";", &[]),
        ("host/src/mcp/era.rs", "fn f(notify: N) { self.notify(notify) }", &[]),
        ("host/src/sandbox/host_api/progress.rs", "use wasmtime::component::Linker;", &[]),
    ];
    for (path, text, expected) in cases {
        assert_eq!(said(direction::check, path, text), *expected, "{path}: {text}");
    }
}

#[test]
fn functions_are_short() {
    let body = "    let _ = 1;\n".repeat(68);
    assert_eq!(said(lengths::check, "host/src/a.rs", &format!("/// Says.\nfn f() {{\n{body}}}\n")), [""; 0]);

    let long = format!("fn f() {{\n{body}{body}}}\n");
    let expected = ["1: `f` has 138 lines, at most 70 are allowed"];
    assert_eq!(said(lengths::check, "host/src/a.rs", &long), expected);
    let expected = ["2: `f` has 138 lines, at most 70 are allowed"];
    assert_eq!(said(lengths::check, "host/src/a.rs", &format!("impl X {{\n{long}}}")), expected);
    assert_eq!(said(lengths::check, "host/src/a.rs", &format!("trait X {{\n{long}}}")), expected);
    assert_eq!(said(lengths::check, "host/src/a/tests.rs", &format!("mod x {{\n{long}}}")), expected);
}

#[test]
fn files_are_short_without_their_tests() {
    let code = "const A: u8 = 1;\n".repeat(500);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
    assert_eq!(said(lengths::check, "host/src/a.rs", &code), [""; 0]);
    assert_eq!(said(lengths::check, "host/src/a.rs", &format!("{code}{tests}")), [""; 0]);
    assert_eq!(said(lengths::check, "host/src/a/tests.rs", &code.repeat(2)), [""; 0]);
    let expected = ["500: 501 lines without tests, at most 500 are allowed"];
    assert_eq!(said(lengths::check, "host/src/a.rs", &format!("{code}{tests}const B: u8 = 1;\n")), expected);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file is tidy itself.
    let (later, skipped) = (["to", "do!()"].concat(), ["#[ig", "nore]"].concat());
    let cases = [
        (format!("fn f() {{ {later} }}"), "1: `todo!`"),
        (format!("fn f() {{\n x!({{ un{}\n }}", "implemented!(\"a\") });"), "2: `unimplemented!`"),
        (format!("{skipped}\n#[test]\nfn f() {{}}"), "1: `#[ignore]`"),
        (format!("#[cfg_attr(miri, {})]\nfn f() {{}}", ["ig", "nore"].concat()), "1: `#[ignore]`"),
    ];
    for (text, expected) in cases {
        assert_eq!(said(omissions::check, "host/src/a.rs", &text), [expected], "{text}");
    }
    assert_eq!(said(omissions::check, "host/src/a.rs", "/// todo!\nfn todo() { let ignore = \"todo!()\"; }"), [""; 0]);
}

#[test]
fn guests_and_plugins_have_tests() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    for package in ["tests/guests/used", "tests/guests/forgotten", "plugins/called", "plugins/own", "plugins/bare"] {
        fs::create_dir_all(root.path().join(package)).expect("a folder can be made");
        fs::write(root.path().join(package).join("Cargo.toml"), "").expect("a file can be written");
    }
    let source = |path: &str, text: &str| Source::parse(PathBuf::from(path), text.to_owned()).expect("it is Rust");
    let sources = [
        source("tests/tests/it/main.rs", "fn f() { load(\"used\"); call(\"called\"); }"),
        source("plugins/own/src/lib.rs", "#[test]\nfn f() {}"),
        source("plugins/bare/src/lib.rs", "fn f() { load(\"bare\"); }"),
    ];
    let violations = guests::check(root.path(), &sources).expect("the folders can be read");
    let said: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("tests/guests/forgotten/Cargo.toml:1: no test names `forgotten`: "), "{said:?}");
    assert!(said[1].starts_with("plugins/bare/Cargo.toml:1: no test names `bare`: "), "{said:?}");
}
