//! The official clients, as their users run them, each doing all it can: the rows of `docs/clients.md`.
//!
//! The foreign ones are driven by the scripts in `tests/clients`; what they need is installed by `cargo xtask test`.

pub(crate) mod inspector;
mod rust;
mod scripts;
mod table;
mod work;

use std::collections::BTreeMap;

use serde_json::Value;

use scripts::Script;

/// What a client may be able to do, in the order of the columns.
const FEATURES: [&str; 9] = ["list", "call", "read", "prompt", "complete", "elicit", "progress", "cancel", "subscribe"];

/// A client in one of its modes.
struct Row {
    /// What its users call it.
    client: &'static str,
    /// What it is installed by. Its version is the one that is pinned.
    package: &'static str,
    /// How it is told what to speak.
    mode: &'static str,
    /// What it and the host then speak.
    version: &'static str,
    driver: Driver,
    /// What it cannot do, and why that is so.
    lacks: &'static [(&'static str, &'static str)],
}

/// How a client is made to work.
enum Driver {
    /// A script in the client's own language, with this mode.
    Script(Script, &'static str),
    /// `rmcp`, in this process.
    Rust(rust::Lifecycle),
    /// The Inspector's command lines, in this era.
    Inspector(&'static str),
}

/// What a client saw.
#[derive(Default)]
struct Seen {
    era: String,
    version: String,
    tools: Vec<String>,
    /// As the drivers print them: `called`, `isError`, `structured`, `content`, `progress`.
    calls: Vec<Value>,
    /// What came of each feature.
    features: BTreeMap<String, Value>,
    /// What it complained about beside its work.
    complaints: String,
}

const MODERN: &str = "2026-07-28";

const NO_FORMS: (&str, &str) = ("elicit", "2025-03-26 knows no elicitation");
const NO_CANCEL: (&str, &str) = ("cancel", "the client has no call for it");
const NO_LISTEN: (&str, &str) = ("subscribe", "the client has no call for `subscriptions/listen`");
const ONLY_WAITS: (&str, &str) = ("cancel", "an interrupted command stops waiting, and the call goes on");
const SHOWS_NONE: (&str, &str) = ("progress", "the command shows none");

/// Each row is a test of that name.
macro_rules! rows {
    ($($test:ident: $row:expr;)*) => {
        const ROWS: &[Row] = &[$($row),*];

        $(#[test]
        fn $test() {
            work::prove(&$row);
        })*
    };
}

const fn typescript2(mode: &'static str, script_mode: &'static str, version: &'static str) -> Row {
    let driver = Driver::Script(Script::TypeScript2, script_mode);
    Row { client: "TypeScript 2", package: "@modelcontextprotocol/client", mode, version, driver, lacks: &[] }
}

const fn python2(mode: &'static str, script_mode: &'static str, version: &'static str) -> Row {
    let driver = Driver::Script(Script::Python2, script_mode);
    Row { client: "Python 2", package: "mcp", mode, version, driver, lacks: &[] }
}

const fn fastmcp(mode: &'static str, script_mode: &'static str, version: &'static str) -> Row {
    let driver = Driver::Script(Script::FastMcp, script_mode);
    Row { client: "FastMCP 4", package: "fastmcp", mode, version, driver, lacks: &[] }
}

const fn rust(mode: &'static str, lifecycle: rust::Lifecycle, version: &'static str) -> Row {
    Row { client: "Rust", package: "rmcp", mode, version, driver: Driver::Rust(lifecycle), lacks: &[] }
}

const fn inspector(mode: &'static str, era: &'static str, version: &'static str) -> Row {
    let lacks = &[SHOWS_NONE, ONLY_WAITS];
    let package = "@modelcontextprotocol/inspector";
    Row { client: "Inspector's command lines", package, mode, version, driver: Driver::Inspector(era), lacks }
}

const fn without(row: Row, lacks: &'static [(&'static str, &'static str)]) -> Row {
    Row { lacks, ..row }
}

rows! {
    typescript2_pinned_to_modern: typescript2("pinned", "modern", MODERN);
    typescript2_finding_out: typescript2("auto", "auto", MODERN);
    typescript2_of_2025_11_25: typescript2("pinned", "2025-11-25", "2025-11-25");
    typescript2_of_2025_06_18: typescript2("pinned", "2025-06-18", "2025-06-18");
    typescript2_of_2025_03_26: without(typescript2("pinned", "2025-03-26", "2025-03-26"), &[NO_FORMS]);
    typescript1: Row {
        client: "TypeScript 1",
        package: "@modelcontextprotocol/sdk",
        mode: "as it is",
        version: "2025-11-25",
        driver: Driver::Script(Script::TypeScript1, "legacy"),
        lacks: &[],
    };
    python2_pinned_to_modern: python2("pinned", MODERN, MODERN);
    python2_finding_out: python2("auto", "auto", MODERN);
    python2_of_the_legacy_era: python2("legacy", "legacy", "2025-11-25");
    python1: Row {
        client: "Python 1",
        package: "mcp",
        mode: "as it is",
        version: "2025-11-25",
        driver: Driver::Script(Script::Python1, "legacy"),
        lacks: &[NO_CANCEL],
    };
    fastmcp_pinned_to_modern: without(fastmcp("pinned", MODERN, MODERN), &[NO_LISTEN]);
    fastmcp_finding_out: without(fastmcp("auto", "auto", MODERN), &[NO_LISTEN]);
    fastmcp_of_the_legacy_era: fastmcp("legacy", "legacy", "2025-11-25");
    rust_pinned_to_modern: rust("discover", rust::Lifecycle::Discover, MODERN);
    rust_finding_out: rust("auto", rust::Lifecycle::Auto, MODERN);
    // It asks for the modern revision, with the legacy era's handshake.
    rust_of_the_legacy_era: rust("initialize", rust::Lifecycle::Initialize, "2025-11-25");
    inspector_of_the_modern_era: inspector("modern", "modern", MODERN);
    inspector_finding_out: inspector("auto", "auto", MODERN);
    inspector_of_the_legacy_era: inspector("legacy", "legacy", "2025-11-25");
}

#[test]
fn typescript_does_it_behind_a_balancer_in_the_modern_era() {
    work::prove_behind_nginx(&typescript2("pinned", "modern", MODERN));
}

#[test]
fn typescript_does_it_behind_a_balancer_in_the_legacy_era() {
    work::prove_behind_nginx(&typescript2("pinned", "2025-11-25", "2025-11-25"));
}

#[test]
fn python_does_it_behind_a_balancer_in_the_modern_era() {
    work::prove_behind_nginx(&python2("pinned", MODERN, MODERN));
}

#[test]
fn python_does_it_behind_a_balancer_in_the_legacy_era() {
    work::prove_behind_nginx(&python2("legacy", "legacy", "2025-11-25"));
}

#[test]
fn the_table_is_what_the_tests_prove() {
    table::check(ROWS);
}

impl Row {
    /// What it can do.
    fn features(&self) -> Vec<&'static str> {
        let lacks = |feature: &&str| self.lacks.iter().any(|(lacked, _)| lacked == feature);
        FEATURES.into_iter().filter(|feature| !lacks(feature)).collect()
    }

    fn era(&self) -> &'static str {
        if self.version == MODERN { "modern" } else { "legacy" }
    }
}
