//! A plugin's tools, each called once before the plugin is there: what their calls write to, the build arranges by.

use std::collections::BTreeSet;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::{example, runtime};
use crate::{
    config::Limits,
    metrics,
    sandbox::{Granted, Options, Sandbox},
};

/// Tools that are called: the first ones, since each writes to much the same pages as the others.
const TOOLS_MAX: usize = 8;

/// How long one is let run: what it writes to until then is most of what it writes to.
const TIMEOUT_MS: u64 = 2_000;

/// The pages of its memory that a component's tools write to, those of each tool, with arguments as their schemas ask for and nothing granted.
pub(super) fn pages(component: &[u8]) -> anyhow::Result<Vec<BTreeSet<u32>>> {
    let limits = Limits { timeout_ms_max: TIMEOUT_MS, cpu_ms_max: TIMEOUT_MS, ..Limits::default() };
    let options = Options {
        calls_max: 1,
        table_elements_max: limits.table_elements_max,
        warm_instances_max: 0,
        cache_dir: None,
        pooling: false,
    };
    let sandbox = Sandbox::new(&options)?;
    let nothing = Granted::nothing(&metrics::of_plugin("default", "rehearsal"));
    let component = sandbox.load(nothing, component).map_err(|reason| anyhow!("{reason}"))?;
    runtime()?.block_on(async {
        let described = component.describe(&limits).await?;
        let arguments = |schema: &str| serde_json::from_str(schema).map(|schema: Value| example::value(&schema));
        let calls = described.tools.iter().take(TOOLS_MAX);
        let calls = calls.map(|tool| Ok((tool.name.as_str(), arguments(&tool.input_schema)?)));
        let calls = calls.collect::<anyhow::Result<Vec<_>>>()?;
        component.written(&calls, &limits).await.context("this system does not say what is written to")
    })
}
