//! Doc comments of WIT, as tools put them beside a component: the custom section `package-docs`.
//!
//! The section is a byte with its version and JSON (`PackageMetadata` of the crate `wit-parser`). Its words go to the model as
//! descriptions and decide nothing, so what does not read is as if it were not there.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The JSON of all sections together; further ones are not read.
const BYTES_MAX: usize = 1 << 20;

/// Worlds and interfaces together; where there are more, nothing is read. They are looked through one after the other.
const NAMED_MAX: usize = 200;

/// The versions of the section that are known, which this reads alike.
const VERSIONS: [u8; 2] = [0, 1];

/// All that the doc comments say.
#[derive(Debug, Default)]
pub(super) struct Docs {
    packages: Vec<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    worlds: BTreeMap<String, World>,
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct World {
    funcs: BTreeMap<String, Option<Function>>,
    func_exports: BTreeMap<String, Option<Function>>,
    interfaces: BTreeMap<String, Interface>,
    interface_exports: BTreeMap<String, Interface>,
    types: BTreeMap<String, TypeDocs>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Interface {
    funcs: BTreeMap<String, Option<Function>>,
    types: BTreeMap<String, TypeDocs>,
}

/// In version 0 a text alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Function {
    Text(String),
    More { docs: Option<String> },
}

/// What is said of a type, and of its fields or cases.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct TypeDocs {
    pub(super) docs: Option<String>,
    pub(super) items: BTreeMap<String, String>,
}

impl Docs {
    /// Reads the contents of such sections.
    pub(super) fn read<'a>(sections: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut bytes_left, mut named_left) = (BYTES_MAX, NAMED_MAX);
        let mut packages = Vec::new();
        for section in sections {
            let Some((version, json)) = section.split_first() else { continue };
            if !VERSIONS.contains(version) || json.len() > bytes_left {
                continue;
            }
            bytes_left -= json.len();
            match serde_json::from_slice::<Package>(json) {
                Ok(package) => match named_left.checked_sub(1 + package.worlds.len() + package.interfaces.len()) {
                    Some(left) => {
                        named_left = left;
                        packages.push(package);
                    }
                    None => tracing::debug!("doc comments of too many interfaces"),
                },
                Err(error) => tracing::debug!(%error, "doc comments that do not read"),
            }
        }
        Self { packages }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// What is said of a function: of an exported interface, or of the component itself.
    pub(super) fn function(&self, interface: Option<&str>, name: &str) -> Option<&str> {
        let function = match interface {
            Some(interface) => self.interface(interface)?.funcs.get(name)?.as_ref(),
            None => {
                let all = self.worlds().flat_map(|world| [&world.func_exports, &world.funcs]);
                all.filter_map(|functions| functions.get(name)).find_map(Option::as_ref)
            }
        };
        match function? {
            Function::Text(text) => Some(text),
            Function::More { docs } => docs.as_deref(),
        }
    }

    /// What is said of a type where it is called `name`: in this interface if it is defined there, else wherever it is.
    pub(super) fn type_named(&self, interface: Option<&str>, name: &str) -> Option<&TypeDocs> {
        let own = interface.and_then(|interface| self.interface(interface)?.types.get(name));
        let worlds = self.worlds().find_map(|world| world.types.get(name));
        let interfaces = self.packages.iter().flat_map(|package| package.interfaces.values());
        own.or(worlds).or_else(|| interfaces.into_iter().find_map(|interface| interface.types.get(name)))
    }

    /// An interface by the name under which a component exports it: `namespace:package/interface@version`, or that which the
    /// world gives it.
    fn interface(&self, export: &str) -> Option<&Interface> {
        match export.rsplit_once('/') {
            Some((_, name)) => {
                let name = name.split('@').next()?;
                self.packages.iter().find_map(|package| package.interfaces.get(name))
            }
            None => {
                let mut all = self.worlds().flat_map(|world| [&world.interface_exports, &world.interfaces]);
                all.find_map(|interfaces| interfaces.get(export))
            }
        }
    }

    fn worlds(&self) -> impl Iterator<Item = &World> {
        self.packages.iter().flat_map(|package| package.worlds.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(version: u8, json: &str) -> Vec<u8> {
        [&[version], json.as_bytes()].concat()
    }

    #[test]
    fn both_versions_are_read() {
        let old = section(
            0,
            r#"{"worlds":{"w":{"funcs":{"run":"Runs."},"interfaces":{"inner":{"funcs":{"turn":"Turns."}}}}}}"#,
        );
        let new = section(
            1,
            r#"{"interfaces":{"calc":{"docs":"All.","funcs":{"add":{"docs":"Adds.","stability":"unknown"},"none":{}},
                "types":{"point":{"docs":"A place.","items":{"x":"East."}}}}},
                "worlds":{"w":{"func_exports":{"stop":{"docs":"Stops."}}}}}"#,
        );
        let docs = Docs::read([&old[..], &new[..]]);
        for (interface, name, expected) in [
            (None, "run", Some("Runs.")),
            (None, "stop", Some("Stops.")),
            (Some("inner"), "turn", Some("Turns.")),
            (Some("a:b/calc@0.1.0"), "add", Some("Adds.")),
            (Some("a:b/calc"), "none", None),
            (Some("a:b/other"), "add", None),
            (None, "add", None),
        ] {
            assert_eq!(docs.function(interface, name), expected, "{interface:?} {name}");
        }
        let point = docs.type_named(Some("a:b/other"), "point").unwrap();
        assert_eq!((point.docs.as_deref(), point.items["x"].as_str()), (Some("A place."), "East."));
    }

    #[test]
    fn what_does_not_read_is_not_there() {
        let many: Vec<String> = (0..NAMED_MAX).map(|at| format!("\"i{at}\":{{}}")).collect();
        for bad in [
            Vec::new(),
            section(1, "{"),
            section(2, "{}"),
            section(1, r#"{"worlds":[]}"#),
            section(1, &format!("{{}}{}", " ".repeat(BYTES_MAX))),
            section(1, &format!("{{\"interfaces\":{{{}}}}}", many.join(","))),
        ] {
            assert!(Docs::read([&bad[..]]).is_empty());
        }
    }
}
