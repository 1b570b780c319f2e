//! The project's Rust files, parsed.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Violation;

/// Folders of the checkout that hold Rust.
const FOLDERS: [&str; 6] = ["bench", "host", "plugins", "sdk", "tests", "xtask"];

/// One file.
pub(crate) struct Source {
    /// As seen from the root of the checkout.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// Lines that only tests use.
    test_lines: Vec<RangeInclusive<usize>>,
}

/// Every Rust file of the checkout.
pub(crate) fn all(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        collect(root, &root.join(folder), &mut sources)?;
    }
    Ok(sources)
}

impl Source {
    pub(crate) fn parse(path: PathBuf, text: String) -> Result<Source> {
        let syntax = syn::parse_file(&text).with_context(|| format!("{} is not Rust", path.display()))?;
        let mut finder = TestFinder::default();
        finder.visit_file(&syntax);
        if is_for_tests(&path) {
            finder.lines.push(1..=usize::MAX);
        }
        Ok(Source { path, text, syntax, test_lines: finder.lines })
    }

    /// Whether only tests use this line.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    pub(crate) fn violation(&self, line: usize, what: String, why: &'static str) -> Violation {
        Violation { file: self.path.clone(), line, what, why }
    }
}

/// Whether the whole file is about tests: a `tests.rs` or `…_tests.rs`, or anything in a `tests` folder beside a package's
/// `src`.
fn is_for_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name == "tests" || name.to_string_lossy().ends_with("_tests"))
        || path.parent().is_some_and(|folder| folder.components().skip(1).any(|part| part.as_os_str() == "tests"))
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                collect(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            sources.push(Source::parse(path.strip_prefix(root)?.to_owned(), text)?);
        }
    }
    Ok(())
}

/// Finds the items under `#[cfg(test)]`.
#[derive(Default)]
struct TestFinder {
    lines: Vec<RangeInclusive<usize>>,
}

impl<'ast> Visit<'ast> for TestFinder {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if attributes(item).iter().any(is_cfg_test) {
            self.lines.push(lines(item));
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if function.attrs.iter().any(is_cfg_test) {
            self.lines.push(lines(function));
        }
    }
}

/// The first to the last line of a piece of syntax, its attributes and documentation included.
pub(crate) fn lines(node: &impl Spanned) -> RangeInclusive<usize> {
    let span = node.span();
    span.start().line..=span.end().line
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
