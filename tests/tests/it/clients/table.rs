//! `docs/clients.md`: a row for each test of a client, a column for each feature.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Driver, FEATURES, Row, Script};

const HEAD: &str = "\
# Clients that work with Toolyard

Each row is a test in `tests/tests/it/clients.rs`: the client, at the version that the tests pin, does all it can against a host
with the example plugins. The table is generated from the rows by `cargo xtask clients --update`, and a test holds it against
them.
";

/// Checks that the file says what the rows say, or writes it where `TOOLYARD_UPDATE` is set.
pub(super) fn check(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    let rendered = render(rows);
    if std::env::var_os("TOOLYARD_UPDATE").is_some() {
        fs::write(&path, rendered).expect("the file can be written");
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, rendered, "docs/clients.md is not up to date: run `cargo xtask clients --update`");
}

fn render(rows: &[Row]) -> String {
    let mut notes = Notes::default();
    let mut text = HEAD.to_owned() + "\n| client | version | mode | speaks |";
    text.extend(FEATURES.map(|feature| format!(" {feature} |")));
    text += "\n| --- | --- | --- | --- |";
    text.extend(FEATURES.map(|_| " --- |"));
    text.push('\n');
    for row in rows {
        let Row { client, package, mode, version, .. } = row;
        text += &format!("| {client} (`{package}`) | {} | {mode} | {version} |", pinned(row));
        for feature in FEATURES {
            let lacked = row.lacks.iter().find(|(lacked, _)| *lacked == feature);
            text += &lacked.map_or(" yes |".to_owned(), |(_, why)| format!(" –{} |", notes.mark(why)));
        }
        text.push('\n');
    }
    text.push('\n');
    text + &notes.render()
}

/// The reasons why something is lacking, by the number that stands for them.
#[derive(Default)]
struct Notes {
    numbers: BTreeMap<&'static str, usize>,
}

impl Notes {
    fn mark(&mut self, why: &'static str) -> String {
        let next = self.numbers.len() + 1;
        format!("<sup>{}</sup>", self.numbers.entry(why).or_insert(next))
    }

    fn render(&self) -> String {
        let mut notes: Vec<(&usize, &&str)> = self.numbers.iter().map(|(why, number)| (number, why)).collect();
        notes.sort_unstable();
        notes.iter().map(|(number, why)| format!("{number}. {why}\n")).collect()
    }
}

/// The version that the row's package is pinned to.
fn pinned(row: &Row) -> String {
    let (text, before, after) = match &row.driver {
        Driver::Script(Script::Python1, _) => (include_str!("../../../clients/py1.requirements.txt"), "\nmcp==", "\n"),
        Driver::Script(Script::Python2, _) => (include_str!("../../../clients/py2.requirements.txt"), "\nmcp==", "\n"),
        Driver::Script(Script::FastMcp, _) => {
            (include_str!("../../../clients/fastmcp.requirements.txt"), "\nfastmcp==", "\n")
        }
        Driver::Rust(_) => (include_str!("../../../../Cargo.lock"), "name = \"rmcp\"\nversion = \"", "\""),
        Driver::Script(Script::TypeScript1 | Script::TypeScript2, _) | Driver::Inspector(_) => {
            let manifest: serde_json::Value =
                serde_json::from_str(include_str!("../../../clients/package.json")).expect("it is JSON");
            let version = manifest["dependencies"][row.package].as_str();
            return version.unwrap_or_else(|| panic!("{} is not pinned", row.package)).to_owned();
        }
    };
    let version = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    version.unwrap_or_else(|| panic!("{} is not pinned", row.package)).0.to_owned()
}
