//! A component that is ready to be called.

use std::{
    collections::BTreeSet,
    io,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tokio::time::timeout;
use wasmtime::{
    Store,
    component::{Instance, InstancePre, Linker},
};

use super::{
    call::{CallError, CallState, Run, explain},
    contract::{
        CallContext, Client, ClientCapabilities, Completion, Json, Outcome, Prompt, PromptOutcome, ReadOutcome,
        Reference, ResourceDescription, ResourcePage, Resumption, Tool, ToolError,
        exports::toolyard::plugin::{completions, prompts, resources, tools},
    },
    engine::Code,
    granted::Granted,
    lanes::{Metered, Score, UsedUp},
    limits::{CpuMax, Longer},
    plain::Plain,
    sections,
    warm::{self, Ready, Warm, Warmth},
    written,
};
use crate::{
    config::Limits,
    ids::Digest,
    telemetry::{self, SpanKind},
};

/// What the names of the contract's interfaces begin with.
const CONTRACT: &str = "toolyard:plugin/";

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
    /// Kept so that others who load the same find it.
    _code: Arc<Code>,
    warm: Arc<Warm>,
    digest: Digest,
    size_bytes: usize,
    imports: Vec<String>,
    pre: InstancePre<CallState>,
    tools: Option<tools::GuestIndices>,
    resources: Option<resources::GuestIndices>,
    prompts: Option<prompts::GuestIndices>,
    completions: Option<completions::GuestIndices>,
    /// The functions of a component that exports nothing of the contract.
    plain: Option<Plain>,
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
        bytes: &[u8],
        code: &Arc<Code>,
        linker: &Linker<CallState>,
        warmth: &Warmth,
    ) -> Result<Self, LoadError> {
        let compiled = &code.compiled;
        let ty = compiled.component_type();
        let imports: Vec<String> = ty.imports(compiled.engine()).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = ty.exports(compiled.engine()).map(|(name, _)| name.to_owned()).collect();
        let pre = linker.instantiate_pre(compiled).map_err(|error| not_linked(&error, &imports))?;
        let granted = Arc::new(granted);
        let is_plugin = exports.iter().any(|export| export.starts_with(CONTRACT));
        let plain = (!is_plugin).then(|| Plain::new(compiled, sections::package_docs(bytes)).map_err(LoadError));
        let component = Self {
            warm: Warm::new(&pre, &granted, warmth),
            granted,
            _code: Arc::clone(code),
            digest,
            size_bytes: bytes.len(),
            imports,
            plain: plain.transpose()?,
            tools: interface(&exports, "tools", || tools::GuestIndices::new(&pre))?,
            resources: interface(&exports, "resources", || resources::GuestIndices::new(&pre))?,
            prompts: interface(&exports, "prompts", || prompts::GuestIndices::new(&pre))?,
            completions: interface(&exports, "completions", || completions::GuestIndices::new(&pre))?,
            pre,
        };
        let offers_nothing = component.tools.is_none() && component.resources.is_none() && component.prompts.is_none();
        if is_plugin && offers_nothing {
            let exports = exports.join(", ");
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

    /// Whether it knows nothing of the contract, so that its plain functions are the tools.
    pub fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// What is wrong with arguments that do not fit a plain function's schema, said by its types: a schema can say of a variant
    /// only that no case fits.
    pub fn mistake(&self, tool: &str, arguments: &Value) -> Option<String> {
        self.plain.as_ref()?.function(tool)?.arguments(arguments).err()
    }

    /// Plain functions that are no tools, each with the reason.
    pub fn left_out(&self) -> &[String] {
        self.plain.as_ref().map_or(&[], Plain::left_out)
    }

    /// Asks the component what it offers, in one instance, with nothing granted. Plain functions are described by their types,
    /// and nothing is run.
    pub async fn describe(&self, limits: &Limits) -> Result<Description, CallError> {
        if let Some(plain) = &self.plain {
            return Ok(Description { tools: plain.describe(limits)?, ..Description::default() });
        }
        let nothing = Arc::new(Granted::nothing(self.granted.plugin()));
        let store = CallState::store(self.pre.engine(), &nothing, limits);
        let unscored = Arc::default();
        let described = self.enter((limits, &unscored), None, (store, None), async |store, instance| {
            let mut description = Description::default();
            if let Some(tools) = &self.tools {
                description.tools = tools.load(&mut *store, instance)?.call_describe(&mut *store).await?;
            }
            if let Some(prompts) = &self.prompts {
                description.prompts = prompts.load(&mut *store, instance)?.call_describe(&mut *store).await?;
            }
            if let Some(resources) = &self.resources {
                let resources = resources.load(&mut *store, instance)?.call_describe(&mut *store).await?;
                description.resources = Some(resources);
            }
            Ok(description)
        });
        described.await
    }

    /// Runs a tool. Dropping the future ends the guest where it stands; so it is with all the calls below. `arguments` are a
    /// text and what stands in it.
    pub async fn call(
        &self,
        tool: &str,
        (arguments, value): (&Json, &Value),
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Ran<Outcome> {
        if let Some(plain) = &self.plain {
            return self.call_plain(plain, tool, value, run).await;
        }
        self.run(run, async |store, instance| {
            let guest = offered(self.tools.as_ref())?.load(&mut *store, instance)?;
            guest.call_call(store, tool, arguments, context, resume).await
        })
        .await
    }

    /// Runs a plain function.
    async fn call_plain(&self, plain: &Plain, tool: &str, arguments: &Value, run: Run<'_>) -> Ran<Outcome> {
        let Some(function) = plain.function(tool) else {
            return Err(CallError::Trapped { detail: format!("the component does not export `{tool}`") });
        };
        let arguments = match function.arguments(arguments) {
            Ok(arguments) => arguments,
            Err(mistake) => {
                let text =
                    format!("The arguments do not fit the types of `{tool}`: {mistake}. Correct them and call again.");
                return Ok(Err(ToolError::InvalidArguments(text)));
            }
        };
        let ran = self.run(run, async |store, instance| function.call(store, instance, &arguments).await).await?;
        Ok(ran.map(Outcome::Complete))
    }

    /// A page of what can be read.
    pub async fn list_resources(
        &self,
        cursor: Option<&str>,
        context: CallContext<'_>,
        run: Run<'_>,
    ) -> Ran<ResourcePage> {
        self.run(run, async |store, instance| {
            let guest = offered(self.resources.as_ref())?.load(&mut *store, instance)?;
            guest.call_list(store, cursor, context).await
        })
        .await
    }

    /// Reads a resource.
    pub async fn read_resource(
        &self,
        uri: &str,
        context: CallContext<'_>,
        resume: Option<Resumption<'_>>,
        run: Run<'_>,
    ) -> Ran<ReadOutcome> {
        self.run(run, async |store, instance| {
            let guest = offered(self.resources.as_ref())?.load(&mut *store, instance)?;
            guest.call_read(store, uri, context, resume).await
        })
        .await
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
        self.run(run, async |store, instance| {
            let guest = offered(self.prompts.as_ref())?.load(&mut *store, instance)?;
            guest.call_get(store, name, arguments, context, resume).await
        })
        .await
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
        self.run(run, async |store, instance| {
            let guest = offered(self.completions.as_ref())?.load(&mut *store, instance)?;
            guest.call_complete(store, reference, argument, value, known, context).await
        })
        .await
    }

    /// One run of a guest, in an instance that nobody had before: one that was kept ready, or a new one.
    async fn run<T>(
        &self,
        run: Run<'_>,
        guest: impl AsyncFnOnce(&mut Store<CallState>, &Instance) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let (mut store, instance) = match self.warm.take() {
            Some(Ready { mut store, instance }) => {
                CallState::limit(&mut store, run.limits);
                (store, Some(instance))
            }
            None => (CallState::store(self.pre.engine(), &self.granted, run.limits), None),
        };
        let (bounds, longer) = ((run.limits, run.score), run.longer.clone());
        CallState::arm(&mut store, run);
        self.enter(bounds, longer.as_ref(), (store, instance), guest).await
    }

    /// Runs a guest under the limits of time. (The timer is armed only if the guest does not end at once: `timeout` asks the
    /// call before the clock.)
    async fn enter<T>(
        &self,
        (limits, score): (&Limits, &Arc<Score>),
        longer: Option<&Longer>,
        (mut store, instance): (Store<CallState>, Option<Instance>),
        guest: impl AsyncFnOnce(&mut Store<CallState>, &Instance) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let ran = {
            let guest = pin!(async {
                let instance = match instance {
                    Some(instance) => instance,
                    None => self.instantiate(&mut store).await?,
                };
                guest(&mut store, &instance).await
            });
            let mut guest = Metered::new(guest, CpuMax::new(limits, longer), score);
            let ran = timeout(limits.timeout(), &mut guest).await;
            match longer {
                Some(longer) if ran.is_err() && longer.is_granted() => {
                    let rest_ms = limits.task_timeout_ms_max.saturating_sub(limits.timeout_ms_max);
                    timeout(Duration::from_millis(rest_ms), guest).await
                }
                _ => ran,
            }
        };
        let is_task = longer.is_some_and(Longer::is_granted);
        let error = match ran {
            Ok(Ok(Ok(value))) => return Ok(value),
            Ok(Ok(Err(error))) => {
                let error = explain(&error, store.data(), limits);
                // That no slot was free says nothing of the tool. Neither does waiting too long, below; computing has been measured.
                if !matches!(error, CallError::Busy) {
                    score.note_stopped();
                }
                error
            }
            Ok(Err(UsedUp)) if is_task => CallError::OutOfCpu { cpu_ms_max: limits.task_cpu_ms_max },
            Ok(Err(UsedUp)) => CallError::OutOfCpu { cpu_ms_max: limits.cpu_ms_max },
            Err(_) if is_task => CallError::TimedOut { timeout_ms_max: limits.task_timeout_ms_max },
            Err(_) => CallError::TimedOut { timeout_ms_max: limits.timeout_ms_max },
        };
        if let Some(limit) = error.limit() {
            self.granted.plugin().limit_reached(limit);
        }
        Err(error)
    }

    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<Instance> {
        let (_span, start) = (telemetry::begin("instantiate", SpanKind::Internal), Instant::now());
        let instance = self.pre.instantiate_async(store).await?;
        self.granted.plugin().instantiated(start.elapsed());
        Ok(instance)
    }

    /// The pages of its memory, by their numbers, that it writes to in each of these calls of its tools, each in an instance of its own,
    /// with nothing granted. A call that fails counts as far as it came. Only where nothing else runs in this process, and without a pool,
    /// which keeps what an earlier call wrote to.
    pub async fn written(&self, calls: &[(&str, Json)], limits: &Limits) -> io::Result<Vec<BTreeSet<u32>>> {
        let nothing = Arc::new(Granted::nothing(self.granted.plugin()));
        // The call's own time ends first.
        let (timeout_ms_max, cpu_ms_max) = (limits.timeout_ms_max * 2, limits.cpu_ms_max * 2);
        let around = Limits { timeout_ms_max, cpu_ms_max, ..limits.clone() };
        let mut all = Vec::new();
        for (tool, arguments) in calls {
            let store = CallState::store(self.pre.engine(), &nothing, limits);
            let unscored = Arc::default();
            let ran = self.enter((&around, &unscored), None, (store, None), async |store, instance| {
                let guest = offered(self.tools.as_ref())?.load(&mut *store, instance)?;
                // Whether it failed or was stopped: what it wrote to until then, it wrote to.
                let _ = timeout(limits.timeout(), guest.call_call(store, tool, arguments, nobodys(limits), None)).await;
                Ok(written::now())
            });
            if let Ok(written) = ran.await {
                all.push(written?);
            }
        }
        Ok(all)
    }

    /// Keeps up to `count` instances ready for the calls to come, or as many as its start makes worth it.
    pub async fn keep_warm(&self, count: Option<u32>, limits: &Limits) {
        let count = match count {
            Some(count) => count,
            None => warm::worth(&self.pre, &self.granted, limits).await,
        };
        self.warm.start(count);
    }
}

/// What a guest is told of a call that is nobody's.
fn nobodys(limits: &Limits) -> CallContext<'static> {
    let deadline = SystemTime::now() + limits.timeout();
    CallContext {
        tenant: "default",
        subject: "anonymous",
        scopes: &[],
        client: Client { name: None, version: None, capabilities: ClientCapabilities::empty() },
        deadline_ms: deadline.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        attempt: 1,
        idempotency_key: "none",
        wants_progress: false,
        trace: None,
        meta: None,
    }
}

/// The way into an interface, if the component exports it.
fn interface<T>(
    exports: &[String],
    name: &str,
    indices: impl FnOnce() -> wasmtime::Result<T>,
) -> Result<Option<T>, LoadError> {
    let name = format!("{CONTRACT}{name}@");
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
