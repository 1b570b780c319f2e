//! Plugins in JavaScript and TypeScript: the SDK has a driver of its own, and npm brings what that needs.

use std::{fs, path::Path, process::Command, time::SystemTime};

use anyhow::{Context, Result};
use serde_json::Value;
use sourcemap::SourceMap;

use super::{
    FOLDER, Language, Pace, layout,
    tools::{self, Missing},
};

const NODE_LEAST: tools::Version = [20, 0, 0];

/// The SDK, as seen from `.toolyard`.
const SDK: &str = "sdk/js";

/// What the driver makes of the sources, as seen from the project. Its map lies beside it.
const BUNDLE: &str = ".toolyard/build/plugin.js";

/// Written by npm when it has installed everything.
const INSTALLED: &str = "node_modules/.package-lock.json";

/// Without the scope, which no file's name can have.
pub(super) fn name(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let name = manifest["name"].as_str()?;
    Some(name.rsplit('/').next().unwrap_or(name).to_owned())
}

pub(super) fn build(project: &Path, pace: Pace) -> Result<Vec<u8>> {
    layout::lay_down(project, Language::JavaScript)?;
    let mut missing = Missing::default();
    let node =
        tools::find("node").filter(|node| pace == Pace::Again || tools::is_recent(node, &["--version"], NODE_LEAST));
    let node = missing.unless(node, "Node.js 20 or newer", "see https://nodejs.org");
    let npm = missing.unless(tools::find("npm"), "npm", "install it with Node.js, see https://nodejs.org");
    missing.none("a plugin in JavaScript or TypeScript")?;

    let sdk = project.join(FOLDER).join(SDK);
    if !is_installed(project, &sdk) {
        let mut install = Command::new(npm.unwrap_or_default());
        tools::run_quietly(install.current_dir(project).args(["install", "--no-audit", "--no-fund"]))?;
    }
    let out = layout::scratch(project, "raw.wasm")?;
    let mut driver = Command::new(node.unwrap_or_default());
    tools::run(driver.current_dir(project).arg(format!("{FOLDER}/{SDK}/build.mjs")).arg(project).arg(&out))?;
    fs::read(&out).with_context(|| format!("{} cannot be read", out.display()))
}

/// The text with places in the sources where it names places in the bundle, as stacks do. `None` if it names none.
pub(super) fn in_sources(project: &Path, text: &str) -> Option<String> {
    let mark = format!("{BUNDLE}:");
    if !text.contains(&mark) {
        return None;
    }
    let map = SourceMap::from_slice(&fs::read(project.join(format!("{BUNDLE}.map"))).ok()?).ok()?;
    let (mut told, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once(&mark) {
        // The engine knows the bundle by its path from some root.
        told += before.trim_end_matches('/');
        let (place, length) = match read_place(behind) {
            Some((line, column, length)) => (place_in_source(&map, line, column), length),
            None => (None, 0),
        };
        match place {
            Some(place) => told += &place,
            None => told += &format!("{mark}{}", &behind[..length]),
        }
        rest = &behind[length..];
    }
    Some(told + rest)
}

/// Where a place of the bundle comes from. Both count from 1, and the map from 0.
fn place_in_source(map: &SourceMap, line: u32, column: u32) -> Option<String> {
    let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
    // What stands before the line's first part is the bundler's, and the nearest part another line's.
    let token = map.lookup_token(line, column).filter(|token| token.get_dst_line() == line)?;
    let source = from_project(token.get_source()?);
    Some(format!("{source}:{}:{}", token.get_src_line() + 1, token.get_src_col() + 1))
}

/// `12:34`, and how long that is.
fn read_place(text: &str) -> Option<(u32, u32, usize)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let line = digits(text);
    let column = digits(text[line..].strip_prefix(':')?);
    let length = line + 1 + column;
    Some((text[..line].parse().ok()?, text[line + 1..length].parse().ok()?, length))
}

/// Maps name sources as seen from where they lie.
fn from_project(source: &str) -> String {
    let mut parts: Vec<&str> = BUNDLE.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').collect();
    for part in source.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether all packages are there that the project and the SDK ask for.
fn is_installed(project: &Path, sdk: &Path) -> bool {
    let written = |file: &Path| fs::metadata(file).and_then(|meta| meta.modified()).ok();
    let asked = [project, sdk].map(|folder| written(&folder.join("package.json")));
    let latest: Option<SystemTime> = asked.into_iter().max().flatten();
    written(&project.join(INSTALLED)).is_some_and(|installed| Some(installed) >= latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_name_the_sources() {
        let project = tempfile::tempdir().unwrap();
        let stack =
            "TypeError: no\n    at greet (/.toolyard/build/plugin.js:2:9)\n    at run (/.toolyard/build/plugin.js:1:1)";
        assert_eq!(in_sources(project.path(), stack), None);
        fs::create_dir_all(project.path().join(".toolyard/build")).unwrap();
        let map = r#"{"version":3,"sources":["../../src/plugin.ts","../sdk/js/src/tool.js"],"mappings":"ACAA;ADMM"}"#;
        fs::write(project.path().join(BUNDLE).with_extension("js.map"), map).unwrap();
        let expected = "TypeError: no\n    at greet (src/plugin.ts:7:7)\n    at run (.toolyard/sdk/js/src/tool.js:1:1)";
        assert_eq!(in_sources(project.path(), stack).unwrap(), expected);
        assert_eq!(in_sources(project.path(), "no place"), None);
        for odd in
            [".toolyard/build/plugin.js:", ".toolyard/build/plugin.js:9:9 and on", ".toolyard/build/plugin.js:x:1"]
        {
            assert_eq!(in_sources(project.path(), odd).unwrap(), odd);
        }
    }
}
