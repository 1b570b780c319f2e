//! A component that is ready to be called.

use std::sync::Arc;

use wasmtime::component::{InstancePre, Linker};

use super::{
    call::{CallError, CallState, Run, explain},
    contract::{CallContext, Json, Outcome, Resumption, Tool, ToolError, exports::toolyard::plugin::tools},
    limits::Limits,
};
use crate::ids::Digest;

/// Why a file is not a plugin: a sentence for whoever put it there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(String);

impl LoadError {
    pub(super) fn not_compiled(error: &wasmtime::Error) -> Self {
        Self(format!("is not a component that this host can run: {}", one_line(error)))
    }
}

/// A compiled component, its imports resolved. Shared by all calls; each makes an instance of its own.
pub struct Component {
    name: Arc<str>,
    digest: Digest,
    size_bytes: usize,
    imports: Vec<String>,
    pre: InstancePre<CallState>,
    tools: tools::GuestIndices,
}

impl Component {
    pub(super) fn link(
        name: &str,
        digest: Digest,
        size_bytes: usize,
        compiled: &wasmtime::component::Component,
        linker: &Linker<CallState>,
    ) -> Result<Self, LoadError> {
        let ty = compiled.component_type();
        let imports: Vec<String> = ty.imports(compiled.engine()).map(|(name, _)| name.to_owned()).collect();
        let pre = linker.instantiate_pre(compiled).map_err(|error| not_linked(&error, &imports))?;
        let tools = tools::GuestIndices::new(&pre).map_err(|error| {
            let exports = ty.exports(compiled.engine()).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
            no_tools(&error, &exports)
        })?;
        Ok(Self { name: name.into(), digest, size_bytes, imports, pre, tools })
    }

    /// The SHA-256 of the component's bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How large the component is, in bytes, before it is compiled.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The names of what it imports, such as `wasi:clocks/wall-clock@0.2.6`.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The plugin's tools, in its own order, as it describes them: nothing about them is checked yet.
    pub async fn describe(&self, limits: &Limits) -> Result<Vec<Tool>, CallError> {
        let mut store = CallState::store(self.pre.engine(), &self.name, limits, None);
        let described = tokio::time::timeout(limits.timeout, async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            self.tools.load(&mut store, &instance)?.call_describe(&mut store).await
        });
        match described.await {
            Ok(Ok(tools)) => Ok(tools),
            Ok(Err(error)) => Err(explain(&error, store.data(), limits)),
            Err(_) => Err(CallError::TimedOut { timeout: limits.timeout }),
        }
    }

    /// Runs a tool in a fresh instance.
    ///
    /// The outer error is the sandbox's (a trap, a limit), the inner one the plugin's own. Dropping the future ends the
    /// guest where it stands.
    pub async fn call(
        &self,
        tool: &str,
        arguments: &Json,
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Result<Result<Outcome, ToolError>, CallError> {
        let Run { limits, voice } = run;
        let mut store = CallState::store(self.pre.engine(), &self.name, limits, voice);
        // The timer is armed only if the guest does not end at once: `timeout` asks the call before the clock.
        let called = tokio::time::timeout(limits.timeout, async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = self.tools.load(&mut store, &instance)?;
            guest.call_call(&mut store, tool, arguments, context, resume).await
        });
        match called.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(explain(&error, store.data(), limits)),
            Err(_) => Err(CallError::TimedOut { timeout: limits.timeout }),
        }
    }
}

fn not_linked(error: &wasmtime::Error, imports: &[String]) -> LoadError {
    let text = one_line(error);
    // wasmtime names the import in backticks; the longest name wins where one is the beginning of another.
    let missing = imports.iter().filter(|import| text.contains(&format!("`{import}`"))).max_by_key(|name| name.len());
    LoadError(match missing {
        Some(import) => format!("imports `{import}`, which this host does not offer ({text})"),
        None => format!("does not fit this host: {text}"),
    })
}

fn no_tools(error: &wasmtime::Error, exports: &[String]) -> LoadError {
    if exports.iter().any(|export| export.starts_with("toolyard:plugin/tools@")) {
        return LoadError(format!("exports `toolyard:plugin/tools` in another shape than this host knows: {}", one_line(error)));
    }
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
    LoadError(format!("exports no `toolyard:plugin/tools@0.1.0`; it exports {exports}"))
}

fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}
