//! A component that is ready to be called.

use std::sync::Arc;

use tokio::time::{error::Elapsed, timeout};
use wasmtime::{
    Store,
    component::{InstancePre, Linker},
};

use super::{
    call::{CallError, CallState, Run, explain},
    contract::{
        CallContext, Completion, Json, Outcome, Prompt, PromptOutcome, ReadOutcome, Reference, ResourceDescription,
        ResourcePage, Resumption, Tool, ToolError,
        exports::toolyard::plugin::{completions, prompts, resources, tools},
    },
    granted::Granted,
};
use crate::{config::Limits, ids::Digest};

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
    granted: Arc<Granted>,
    digest: Digest,
    size_bytes: usize,
    imports: Vec<String>,
    pre: InstancePre<CallState>,
    tools: Option<tools::GuestIndices>,
    resources: Option<resources::GuestIndices>,
    prompts: Option<prompts::GuestIndices>,
    completions: Option<completions::GuestIndices>,
}

/// What a component says it offers. Nothing of it is checked yet.
#[derive(Debug, Default)]
pub struct Description {
    /// In the plugin's own order.
    pub tools: Vec<Tool>,
    pub prompts: Vec<Prompt>,
    pub resources: Option<ResourceDescription>,
}

/// The sandbox's answer, and in it the plugin's: a trap or a limit is the outer error, the plugin's own the inner one.
pub type Ran<T> = Result<Result<T, ToolError>, CallError>;

impl Component {
    pub(super) fn link(
        granted: Granted,
        digest: Digest,
        size_bytes: usize,
        compiled: &wasmtime::component::Component,
        linker: &Linker<CallState>,
    ) -> Result<Self, LoadError> {
        let ty = compiled.component_type();
        let imports: Vec<String> = ty.imports(compiled.engine()).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = ty.exports(compiled.engine()).map(|(name, _)| name.to_owned()).collect();
        let pre = linker.instantiate_pre(compiled).map_err(|error| not_linked(&error, &imports))?;
        let component = Self {
            granted: Arc::new(granted),
            digest,
            size_bytes,
            imports,
            tools: interface(&exports, "tools", || tools::GuestIndices::new(&pre))?,
            resources: interface(&exports, "resources", || resources::GuestIndices::new(&pre))?,
            prompts: interface(&exports, "prompts", || prompts::GuestIndices::new(&pre))?,
            completions: interface(&exports, "completions", || completions::GuestIndices::new(&pre))?,
            pre,
        };
        if component.tools.is_none() && component.resources.is_none() && component.prompts.is_none() {
            let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
            return Err(LoadError(format!(
                "exports no `toolyard:plugin/tools@0.1.0` or its siblings; it exports {exports}"
            )));
        }
        Ok(component)
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

    /// Whether it can suggest values.
    pub fn completes(&self) -> bool {
        self.completions.is_some()
    }

    /// Asks the component what it offers, in one instance, with nothing granted.
    pub async fn describe(&self, limits: &Limits) -> Result<Description, CallError> {
        let nobody = Arc::new([]) as Arc<[String]>;
        let nothing = Arc::new(Granted::nothing(self.granted.plugin()));
        let run = Run { limits, voice: None, signals: None, prefixes: &nobody };
        let mut store = CallState::store(self.pre.engine(), &nothing, run);
        let described = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let mut description = Description::default();
            if let Some(tools) = &self.tools {
                description.tools = tools.load(&mut store, &instance)?.call_describe(&mut store).await?;
            }
            if let Some(prompts) = &self.prompts {
                description.prompts = prompts.load(&mut store, &instance)?.call_describe(&mut store).await?;
            }
            if let Some(resources) = &self.resources {
                description.resources = Some(resources.load(&mut store, &instance)?.call_describe(&mut store).await?);
            }
            Ok(description)
        });
        ended(described.await, &store, limits)
    }

    /// Runs a tool. Dropping the future ends the guest where it stands; so it is with all the calls below.
    pub async fn call(
        &self,
        tool: &str,
        arguments: &Json,
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Ran<Outcome> {
        let (limits, mut store) = (run.limits, self.store(run));
        let called = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = offered(self.tools.as_ref())?.load(&mut store, &instance)?;
            guest.call_call(&mut store, tool, arguments, context, resume).await
        });
        ended(called.await, &store, limits)
    }

    /// A page of what can be read.
    pub async fn list_resources(
        &self,
        cursor: Option<&str>,
        context: CallContext<'_>,
        run: Run<'_>,
    ) -> Ran<ResourcePage> {
        let (limits, mut store) = (run.limits, self.store(run));
        let listed = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = offered(self.resources.as_ref())?.load(&mut store, &instance)?;
            guest.call_list(&mut store, cursor, context).await
        });
        ended(listed.await, &store, limits)
    }

    /// Reads a resource.
    pub async fn read_resource(
        &self,
        uri: &str,
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Ran<ReadOutcome> {
        let (limits, mut store) = (run.limits, self.store(run));
        let read = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = offered(self.resources.as_ref())?.load(&mut store, &instance)?;
            guest.call_read(&mut store, uri, context, resume).await
        });
        ended(read.await, &store, limits)
    }

    /// Fills a prompt in.
    pub async fn get_prompt(
        &self,
        name: &str,
        arguments: &[(&str, &str)],
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Ran<PromptOutcome> {
        let (limits, mut store) = (run.limits, self.store(run));
        let got = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = offered(self.prompts.as_ref())?.load(&mut store, &instance)?;
            guest.call_get(&mut store, name, arguments, context, resume).await
        });
        ended(got.await, &store, limits)
    }

    /// Suggests values.
    pub async fn complete(
        &self,
        reference: Reference<'_>,
        argument: &str,
        value: &str,
        known: &[(&str, &str)],
        context: CallContext<'_>,
        run: Run<'_>,
    ) -> Ran<Completion> {
        let (limits, mut store) = (run.limits, self.store(run));
        let completed = timeout(limits.timeout(), async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = offered(self.completions.as_ref())?.load(&mut store, &instance)?;
            guest.call_complete(&mut store, reference, argument, value, known, context).await
        });
        ended(completed.await, &store, limits)
    }

    fn store(&self, run: Run<'_>) -> Store<CallState> {
        CallState::store(self.pre.engine(), &self.granted, run)
    }
}

/// What came of a guest. (The timer around it is armed only if the guest does not end at once: `timeout` asks the call
/// before the clock.)
fn ended<T>(
    ran: Result<wasmtime::Result<T>, Elapsed>,
    store: &Store<CallState>,
    limits: &Limits,
) -> Result<T, CallError> {
    match ran {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(explain(&error, store.data(), limits)),
        Err(_) => Err(CallError::TimedOut { timeout: limits.timeout() }),
    }
}

/// The way into an interface, if the component exports it.
fn interface<T>(
    exports: &[String],
    name: &str,
    indices: impl FnOnce() -> wasmtime::Result<T>,
) -> Result<Option<T>, LoadError> {
    let name = format!("toolyard:plugin/{name}@");
    let Some(export) = exports.iter().find(|export| export.starts_with(&name)) else { return Ok(None) };
    indices().map(Some).map_err(|error| {
        LoadError(format!("exports `{export}` in another shape than this host knows: {}", one_line(&error)))
    })
}

/// The layers above ask a plugin only for what it described; this is for the case that they are wrong.
fn offered<T>(interface: Option<&T>) -> wasmtime::Result<&T> {
    interface.ok_or_else(|| wasmtime::Error::msg("the component does not export this interface"))
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

fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}
