//! From what the languages' tools make to a plugin's file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{config::Wishes, sandbox};

/// The file in which a project says what it would like to be granted.
const WISHES_FILE: &str = "wishes.toml";

/// Makes a component of a core module that says in a section what its imports and exports mean, as bindings in C do.
pub(super) fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|encoder| encoder.validate(true).encode());
    encoded.context("the module does not become a component")
}

/// Writes into a core module what its imports and exports mean: the world `world` of the WIT in `wit`.
pub(super) fn embed(module: &mut Vec<u8>, wit: &Path, world: &str) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("{} cannot be read", wit.display()))?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
        .with_context(|| format!("{} does not fit the module", wit.display()))
}

/// The module without what only debuggers read, which may be ten times its code.
pub(super) fn without_debug(module: &[u8]) -> Result<Vec<u8>> {
    let (mut kept, mut start) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.context("the compiler made no module")?;
        let end = usize::try_from(match (&payload, payload.as_section()) {
            (Payload::Version { range, .. }, _) => range.end,
            (_, Some((_, range))) => range.end,
            _ => continue,
        })?;
        let is_debug = matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(".debug"));
        if !is_debug {
            kept.extend_from_slice(&module[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

/// The component with the project's wishes in it, if there are some and it does not carry any yet.
pub(super) fn with_wishes(project: &Path, mut component: Vec<u8>) -> Result<Vec<u8>> {
    let path = project.join(WISHES_FILE);
    if !path.is_file() {
        return Ok(component);
    }
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Wishes::parse(&text).map_err(|reason| anyhow!("{}: {reason}", path.display()))?;
    if sandbox::wishes(&component).map_err(|reason| anyhow!(reason))?.is_none() {
        component.extend(sandbox::wishes_section(&text));
    }
    Ok(component)
}

/// Writes the component to its place, whole or not at all: a host may watch the folder. Left alone where it is that already.
pub(super) fn deliver(component: &[u8], to: &Path) -> Result<()> {
    if fs::read(to).is_ok_and(|there| there == component) {
        return Ok(());
    }
    let write = || {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        let fresh = PathBuf::from(format!("{}.new", to.display()));
        fs::write(&fresh, component)?;
        fs::rename(&fresh, to)
    };
    write().with_context(|| format!("{} cannot be written", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn wishes_go_into_the_component_once() {
        let project = tempfile::tempdir().unwrap();
        assert_eq!(with_wishes(project.path(), EMPTY.to_vec()).unwrap(), EMPTY);

        let wishes = "[keyvalue]\nwhy = 'to remember'\n".to_owned() + &"# more\n".repeat(40);
        fs::write(project.path().join(WISHES_FILE), &wishes).unwrap();
        let component = with_wishes(project.path(), EMPTY.to_vec()).unwrap();
        assert_eq!(sandbox::wishes(&component), Ok(Some(wishes.as_str())));
        assert_eq!(with_wishes(project.path(), component.clone()).unwrap(), component);

        fs::write(project.path().join(WISHES_FILE), "[[http]]\nurl = 'https://a/'\n").unwrap();
        let said = with_wishes(project.path(), EMPTY.to_vec()).unwrap_err().to_string();
        assert!(said.contains("wishes.toml") && said.contains("why"), "{said}");
    }

    #[test]
    fn debug_sections_are_taken_out() {
        let (head, debug, name) = (&b"\0asm\x01\0\0\0"[..], &b"\0\x0b\x0a.debug_str"[..], &b"\0\x05\x04name"[..]);
        let module = [head, debug, name, debug].concat();
        assert_eq!(without_debug(&module).unwrap(), [head, name].concat());
        assert!(without_debug(b"nonsense").is_err());
    }

    #[test]
    fn a_module_of_another_make_is_refused() {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        embed(&mut module, &wit, "plugin").unwrap();
        let said = format!("{:#}", encode(&module).unwrap_err());
        assert!(said.contains("toolyard:plugin"), "{said}");
        assert!(embed(&mut module, &wit, "nobody").is_err());
    }
}
