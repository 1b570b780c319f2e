//! Memory for each loaded plugin: the same host with one plugin and with many, all of them different components to it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;

use crate::cli::Host;
use crate::procfs::Memory;
use crate::reload::Caller;
use crate::server::Server;

/// What one plugin and `copies` plugins took.
#[derive(Serialize)]
pub(crate) struct Density {
    pub(crate) bytes: u64,
    pub(crate) copies: usize,
    /// With one plugin, loaded and then called once.
    pub(crate) one: Loaded,
    /// With all of them, each called once.
    pub(crate) all: Loaded,
    /// From starting the host to its listening with all of them, in ms: with nothing compiled, and with all of it cached.
    pub(crate) start_cold_ms: f64,
    pub(crate) start_cached_ms: f64,
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Loaded {
    pub(crate) before_calls: Memory,
    pub(crate) after_calls: Memory,
}

impl Density {
    pub(crate) fn measure(host: &Host, cores: &[usize], copies: usize, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        let component = fs::read(&host.echo).with_context(|| format!("cannot read {}", host.echo.display()))?;
        let folders = tempfile::tempdir()?;
        let cache = folders.path().join("cache");
        let (one, all) = (folders.path().join("one"), folders.path().join("all"));
        write_copies(&one, &component, 1)?;
        write_copies(&all, &component, copies)?;

        progress(&format!("density: compiling {copies} plugins"));
        // What compiling leaves behind in the heap is not what a plugin takes, so the hosts that are measured find the
        // code compiled.
        let cold = Server::host(&host.program, &all, &cache, cores)?;
        let start_cold_ms = cold.start.as_secs_f64() * 1e3;
        cold.stop()?;
        progress("density: measuring");
        let (one, _) = load(host, &one, &cache, cores, 1)?;
        let (all, start_cached_ms) = load(host, &all, &cache, cores, copies)?;
        let bytes = u64::try_from(component.len())?;
        Ok(Self { bytes, copies, one, all, start_cold_ms, start_cached_ms })
    }

    /// What each plugin adds, in bytes.
    pub(crate) fn each(&self, what: fn(&Loaded) -> u64) -> u64 {
        let added = what(&self.all).saturating_sub(what(&self.one));
        // A count of copies fits.
        added / (self.copies - 1) as u64
    }
}

fn load(host: &Host, plugins: &Path, cache: &Path, cores: &[usize], copies: usize) -> Result<(Loaded, f64)> {
    let server = Server::host(&host.program, plugins, cache, cores)?;
    let loaded = server.ready["plugins"].as_array().map_or(0, Vec::len);
    ensure!(loaded == copies, "the host loaded {loaded} of {copies} plugins: {}", server.ready["refused"]);
    let before_calls = server.memory()?;
    for copy in 0..copies {
        let tool = format!("{}_echo", name(copy));
        let answered = Caller::new(&server.endpoint, &tool, &json!({ "message": "hello" }))?.call()?;
        ensure!(answered, "{tool} is not known");
    }
    let after_calls = server.memory()?;
    let start_ms = server.start.as_secs_f64() * 1e3;
    server.stop()?;
    Ok((Loaded { before_calls, after_calls }, start_ms))
}

fn write_copies(folder: &Path, component: &[u8], copies: usize) -> Result<()> {
    fs::create_dir(folder)?;
    fill(folder, component, copies)
}

/// Puts so many copies into a folder that is there.
pub(crate) fn fill(folder: &Path, component: &[u8], copies: usize) -> Result<()> {
    for copy in 0..copies {
        fs::write(folder.join(format!("{}.wasm", name(copy))), marked(component, copy))?;
    }
    Ok(())
}

/// What a copy is called.
pub(crate) fn name(copy: usize) -> String {
    format!("p{copy:04}")
}

/// The component with a custom section at its end (id 0, size, name, contents), which changes nothing but its digest.
fn marked(component: &[u8], copy: usize) -> Vec<u8> {
    let mark = format!("copy{copy:04}");
    let mut bytes = component.to_vec();
    // The size and the length of the name are below 128, so each is one byte of LEB128.
    bytes.extend([0, 1 + 4 + 4, 4]);
    bytes.extend(mark.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_differ_in_a_custom_section() {
        assert_eq!(marked(b"\0asm", 7), b"\0asm\0\x09\x04copy0007");
        assert_ne!(marked(b"\0asm", 7), marked(b"\0asm", 8));
    }
}
