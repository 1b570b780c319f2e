//! Tenants with ten plugins each: calls of one of them, and of all in turn; what they take, and how soon they are there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Case, Row, Sizes, rounds};
use crate::cli::{Host, Settings};
use crate::density;
use crate::load::Target;
use crate::machine::Cores;
use crate::scale::{Hosted, Yard};
use crate::wire::{Era, Right, Template};

/// Plugins of each tenant, all of them different components. Every tenant has the same ten, under settings of its own.
const PLUGINS: usize = 10;

pub(crate) fn measure(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Sizes> {
    let component = fs::read(&host.echo).with_context(|| format!("cannot read {}", host.echo.display()))?;
    let mut yard = Yard::new(host, &cores.all)?;
    progress(&format!("many tenants: compiling {PLUGINS} plugins"));
    // What compiling leaves in memory goes with this host.
    yard.start_with(&configured(1), |plugins| fill(plugins, &component, 1))?.server.stop()?;
    let one = [cores.server];
    yard.cores = &one;
    let mut all = Vec::new();
    for &size in &settings.sizes.tenants {
        progress(&format!("many tenants: starting {size}"));
        all.push((size, yard.start_with(&configured(size), |plugins| fill(plugins, &component, size))?));
    }
    let cases = all.iter().flat_map(|(size, host)| cases(*size, host)).collect();
    let mut rows = rounds("many tenants", cases, settings, cores, progress)?;
    rows.sort_by(|one, other| one.what.cmp(&other.what));
    let starts = all.iter().map(|(size, host)| format!("{size}: {:.0} ms", host.server.start.as_secs_f64() * 1e3));
    let starts: Vec<String> = starts.collect();
    let notes = vec![format!(
        "{PLUGINS} plugins each. From start to listening on one core, compiled code cached: {}.",
        starts.join(", ")
    )];
    for (_, host) in all {
        host.server.stop()?;
    }
    Ok(Sizes { of: "tenants", rows, notes })
}

/// The tables of so many tenants.
fn configured(size: usize) -> String {
    let mut text = String::new();
    for tenant in 0..size {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[tenant.{}.quotas]\ncalls_max = 100", name(tenant));
    }
    text
}

/// A folder for each tenant. The files are one file under many names.
fn fill(plugins: &Path, component: &[u8], size: usize) -> Result<()> {
    let first = plugins.join(name(0));
    fs::create_dir(&first)?;
    density::fill(&first, component, PLUGINS, PLUGINS)?;
    for tenant in 1..size {
        let folder = plugins.join(name(tenant));
        fs::create_dir(&folder)?;
        for plugin in 0..PLUGINS {
            let file = format!("{}.wasm", density::name(plugin));
            fs::hard_link(first.join(&file), folder.join(&file))?;
        }
    }
    Ok(())
}

fn name(tenant: usize) -> String {
    format!("t{tenant:04}")
}

fn cases(size: usize, host: &Hosted) -> [Case<'_>; 2] {
    let template = |tenant: usize, plugin: usize| {
        let endpoint = host.server.endpoint.of_tenant(&name(tenant));
        Template::echo(&endpoint, Era::Modern, None, &format!("{}_echo", density::name(plugin)))
    };
    let case = |what: &str, templates| Case {
        row: Row::new(what, size),
        host,
        target: Target { address: host.server.endpoint.address, templates, right: Right::Echo },
        store: None,
    };
    let in_turn = (0..size).map(|tenant| template(tenant, tenant % PLUGINS)).collect();
    [case("calls of one tenant", vec![template(0, 0)]), case("calls of all in turn", in_turn)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_the_same_files() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fill(folder.path(), b"\0asm", 3).expect("it can be filled");
        for tenant in 0..3 {
            let count = fs::read_dir(folder.path().join(name(tenant))).expect("it is there").count();
            assert_eq!(count, PLUGINS);
        }
        assert!(configured(2).contains("[tenant.t0001.quotas]"));
    }
}
