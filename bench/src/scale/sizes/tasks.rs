//! Tasks in the store: half of them ended, half waiting for their client.

use anyhow::Result;

use super::{Case, Row, Sizes, rounds};
use crate::cli::{Host, Settings};
use crate::load::Target;
use crate::machine::Cores;
use crate::scale::programs::Redis;
use crate::scale::tasks::{Until, run, run_to};
use crate::scale::{ASK, ECHO, Hosted, Yard, shared};
use crate::wire::{Era, Right, Template};

/// Tasks that are asked for in turn, spread over all there are.
const ASKED_FOR: usize = 1000;

/// A host with so many tasks in its store.
struct Filled {
    size: usize,
    host: Hosted,
    redis: Option<Redis>,
    ids: Vec<String>,
}

pub(crate) fn measure(
    host: &Host,
    settings: &Settings,
    cores: &Cores,
    progress: &mut dyn FnMut(&str),
) -> Result<Sizes> {
    // Filling takes both cores; what is measured has one.
    let one = [cores.server];
    let yard = Yard::new(host, &one)?;
    let mut all = Vec::new();
    for with_redis in [false, true] {
        for &size in &settings.sizes.tasks {
            progress(&format!("many tasks: {size} in {}", if with_redis { "Redis" } else { "SQLite" }));
            let redis = if with_redis { Some(Redis::start("everysec", &cores.all)?) } else { None };
            let host = yard.start(&redis.as_ref().map_or_else(String::new, |redis| shared(&redis.url())))?;
            let endpoint = &host.server.endpoint;
            let mut ids = run(endpoint, Until::Tasks(size / 2), &[])?.ids;
            ids.extend(run_to(endpoint, ASK, "input_required", Until::Tasks(size - size / 2), &[])?.ids);
            all.push(Filled { size, host, redis, ids });
        }
    }
    let cases = all.iter().flat_map(Filled::cases).collect();
    let mut rows = rounds("many tasks", cases, settings, cores, progress)?;
    // By what is called, and only then by how many there are: so they are read.
    rows.sort_by(|one, other| one.what.cmp(&other.what));
    for filled in all {
        filled.host.server.stop()?;
    }
    Ok(Sizes { of: "tasks in the store", rows, notes: Vec::new() })
}

impl Filled {
    fn cases(&self) -> [Case<'_>; 2] {
        let (endpoint, store) = (&self.host.server.endpoint, if self.redis.is_some() { "Redis" } else { "SQLite" });
        let call = Target::one(endpoint.address, &Template::echo(endpoint, Era::Modern, None, ECHO));
        let step = self.ids.len().div_ceil(ASKED_FOR);
        let templates = self.ids.iter().step_by(step).map(|id| Template::get_task(endpoint, id)).collect();
        let get = Target { address: endpoint.address, templates, right: Right::Task };
        let case = |what: &str, target| Case {
            row: Row::new(format!("{what}, {store}"), self.size),
            host: &self.host,
            target,
            store: self.redis.as_ref().map(Redis::account),
        };
        [case("tools/call", call), case("tasks/get", get)]
    }
}
