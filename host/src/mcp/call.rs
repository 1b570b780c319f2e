//! A tool call without an era: arguments held against the schema, a slot taken, the guest run, its answer checked.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, value::RawValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::{
    Server,
    fault::Fault,
    message::{Capabilities, Meta, Params, is_reserved},
};
use crate::{
    auth::Principal,
    catalog::Tool,
    config::HostLimits,
    ids, json,
    policy::{self, Permit},
    sandbox::{
        CallError, Run, Voice,
        contract::{
            CallContext, Client, ClientCapabilities, Content, InputNeed, Outcome, TextContent, ToolError, ToolResult,
            TraceContext,
        },
    },
};

/// What running a call takes of the host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runner {
    slots: Arc<Semaphore>,
    queue_wait_max: Duration,
}

impl Runner {
    /// A runner of at most `calls_max` calls at once.
    pub fn new(limits: &HostLimits) -> Self {
        Self { slots: Arc::new(Semaphore::new(limits.calls_max as usize)), queue_wait_max: limits.queue_wait_max }
    }
}

/// One call, ready to run.
pub struct Call {
    pub permit: Permit,
    pub caller: Caller,
    /// The arguments as the client wrote them, which is how the guest gets them.
    pub arguments: String,
    /// The same, parsed.
    pub value: Value,
    pub voice: Option<Voice>,
}

/// What the request says of the one who sent it.
#[derive(Debug, Default)]
pub struct Caller {
    pub name: Option<String>,
    pub version: Option<String>,
    pub capabilities: ClientCapabilities,
    pub trace: Option<Trace>,
    /// `_meta` that is not the protocol's, as a JSON object.
    pub meta: Option<String>,
}

/// W3C Trace Context.
#[derive(Debug)]
pub struct Trace {
    pub traceparent: String,
    pub tracestate: Option<String>,
    pub baggage: Option<String>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Reply {
    Complete(Completed),
    NeedInput(InputNeed),
}

/// A result, and its structured content known to be JSON.
#[derive(Debug)]
pub struct Completed {
    pub result: ToolResult,
    pub structured: Option<Box<RawValue>>,
}

impl Completed {
    /// A failure that a model can read and act on.
    fn failure(text: impl Into<String>) -> Self {
        let text = TextContent { text: text.into(), annotations: None, meta: None };
        let result =
            ToolResult { content: vec![Content::Text(text)], structured: None, is_error: true, meta: None };
        Self { result, structured: None }
    }
}

impl Caller {
    /// Reads what a request says in `_meta`.
    pub(super) fn of(meta: &Meta<'_>) -> Self {
        let info = meta.client_info.clone().unwrap_or_default();
        let text = |text: Option<super::message::Text<'_>>| text.map(|text| text.0.into_owned());
        let trace = meta.traceparent.clone().map(|traceparent| Trace {
            traceparent: traceparent.0.into_owned(),
            tracestate: text(meta.tracestate.clone()),
            baggage: text(meta.baggage.clone()),
        });
        Self {
            name: text(info.name),
            version: text(info.version),
            capabilities: meta.client_capabilities.as_ref().map_or(ClientCapabilities::empty(), Capabilities::flags),
            trace,
            meta: others(meta),
        }
    }
}

impl Capabilities {
    pub(super) fn flags(&self) -> ClientCapabilities {
        type Flags = ClientCapabilities;
        let mut flags = Flags::empty();
        let mut set = |flag: Flags, on: bool| flags |= if on { flag } else { Flags::empty() };
        if let Some(elicitation) = &self.elicitation {
            // An empty object means forms: they were there before there was anything to choose.
            set(Flags::ELICITATION_FORM, elicitation.form.is_some() || elicitation.url.is_none());
            set(Flags::ELICITATION_URL, elicitation.url.is_some());
        }
        set(Flags::SAMPLING, self.sampling.is_some());
        set(Flags::SAMPLING_TOOLS, self.sampling.as_ref().is_some_and(|sampling| sampling.tools.is_some()));
        set(Flags::ROOTS, self.roots.is_some());
        flags
    }
}

fn others(meta: &Meta<'_>) -> Option<String> {
    if meta.others.is_empty() {
        return None;
    }
    let object: serde_json::Map<String, Value> = meta
        .others
        .iter()
        .filter_map(|(key, value)| Some((key.to_string(), json::strict(value.get()).ok()?)))
        .collect();
    Some(Value::Object(object).to_string())
}

/// The fault of naming a tool that is not there.
fn unknown_tool(name: &str) -> Fault {
    let name: String = name.chars().take(100).collect();
    Fault::InvalidParams(format!("there is no tool `{name}`; tools/list names those there are"))
}

/// Makes a call of a request's params. `check` holds the request's envelope against the tool and its arguments.
pub(super) fn prepare(
    server: &Server,
    principal: &Arc<Principal>,
    params: &Params<'_>,
    voice: Option<Voice>,
    check: impl FnOnce(&Tool, &Value) -> Result<(), Fault>,
) -> Result<Call, Fault> {
    let name = params.name.as_deref().ok_or_else(|| Fault::InvalidParams("`name` is missing".into()))?;
    let tool = server.live.now().tool(name).cloned().ok_or_else(|| unknown_tool(name))?;
    let (arguments, value) = arguments(params)?;
    check(&tool, &value)?;
    let permit = policy::permit(principal, &tool);
    Ok(Call { permit, caller: Caller::of(&params.meta), arguments, value, voice })
}

/// A missing `arguments` is `{}`.
fn arguments(params: &Params<'_>) -> Result<(String, Value), Fault> {
    read_arguments(params.arguments.map_or("{}", RawValue::get))
}

/// Reads arguments: the text, as the guest gets it, and the value, as the schema is held against it.
pub fn read_arguments(text: &str) -> Result<(String, Value), Fault> {
    let value = json::strict(text)
        .map_err(|error| Fault::InvalidRequest(format!("`arguments` do not read: {}", without_place(&error))))?;
    if !value.is_object() {
        return Err(Fault::InvalidParams("`arguments` must be an object".into()));
    }
    Ok((text.to_owned(), value))
}

/// serde counts lines from where the arguments begin, which is not what the client sent.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or(text.clone(), str::to_owned)
}

/// Runs a call. A fault is for the client's program; everything that a model could act on is a [`Reply`].
pub async fn run(runner: &Runner, call: Call) -> Result<Reply, Fault> {
    let tool = call.permit.tool();
    if let Err(mistakes) = tool.input().check(&call.value) {
        let name = tool.name();
        let text = format!("The arguments do not fit the input schema of `{name}`: {mistakes}. Correct them and call again.");
        return Ok(Reply::Complete(Completed::failure(text)));
    }
    let _slot = slot(runner).await?;
    let ran = run_guest(&call).await;
    match ran {
        Ok(Ok(Outcome::Complete(result))) => finish(tool, result).map(Reply::Complete),
        Ok(Ok(Outcome::NeedInput(need))) => Ok(Reply::NeedInput(need)),
        Ok(Err(error)) => refused_by_guest(error).map(Reply::Complete),
        Err(CallError::Busy) => Err(Fault::Busy),
        Err(error) => {
            if let CallError::Trapped { detail } = &error {
                tracing::warn!(plugin = %tool.program().id, tool = %tool.name(), detail, "a call trapped");
            }
            Ok(Reply::Complete(Completed::failure(sentence(&error.to_string()))))
        }
    }
}

/// A place to run in. Waits a while if all are taken; the wait is bounded, so that a flood is refused and not hoarded.
async fn slot(runner: &Runner) -> Result<OwnedSemaphorePermit, Fault> {
    match runner.slots.clone().try_acquire_owned() {
        Ok(slot) => Ok(slot),
        Err(TryAcquireError::Closed) => Err(Fault::Busy),
        Err(TryAcquireError::NoPermits) => {
            let turn = tokio::time::timeout(runner.queue_wait_max, runner.slots.clone().acquire_owned());
            turn.await.ok().and_then(Result::ok).ok_or(Fault::Busy)
        }
    }
}

async fn run_guest(call: &Call) -> Result<Result<Outcome, ToolError>, CallError> {
    let tool = call.permit.tool();
    let program = tool.program();
    let principal = call.permit.principal();
    let scopes: Vec<&str> = principal.scopes.iter().map(String::as_str).collect();
    let deadline = SystemTime::now() + program.limits.timeout;
    let key = ids::idempotency_key();
    let context = CallContext {
        tenant: principal.tenant.as_str(),
        subject: &principal.subject,
        scopes: &scopes,
        client: Client {
            name: call.caller.name.as_deref(),
            version: call.caller.version.as_deref(),
            capabilities: call.caller.capabilities,
        },
        deadline_ms: deadline.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        attempt: 1,
        idempotency_key: &key,
        wants_progress: call.voice.is_some(),
        trace: call.caller.trace.as_ref().map(|trace| TraceContext {
            traceparent: &trace.traceparent,
            tracestate: trace.tracestate.as_deref(),
            baggage: trace.baggage.as_deref(),
        }),
        meta: call.caller.meta.as_ref(),
    };
    let run = Run { limits: &program.limits, voice: call.voice.clone() };
    program.component.call(&tool.described().name, &call.arguments, context, None, run).await
}

/// Holds a result to what the tool promised.
fn finish(tool: &Tool, mut result: ToolResult) -> Result<Completed, Fault> {
    let structured = match result.structured.take() {
        Some(text) => match structured(tool, text, result.is_error) {
            Ok(structured) => Some(structured),
            Err(reason) => return Ok(broken(tool, &reason)),
        },
        None if tool.output().is_some() && !result.is_error => {
            return Ok(broken(tool, "it gave no structured content though it has an output schema"));
        }
        None => None,
    };
    if let (Some(structured), true) = (&structured, result.content.is_empty()) {
        // For clients that read only text (MCP 2026-07-28, tools, "Structured Content").
        let text = structured.get().to_owned();
        result.content.push(Content::Text(TextContent { text, annotations: None, meta: None }));
    }
    result.meta = result.meta.take().and_then(|meta| without_reserved(&meta));
    Ok(Completed { result, structured })
}

fn structured(tool: &Tool, text: String, is_error: bool) -> Result<Box<RawValue>, String> {
    if let Some(schema) = tool.output().filter(|_| !is_error) {
        let value = json::strict(&text).map_err(|error| format!("its structured content is not JSON: {error}"))?;
        schema.check(&value).map_err(|mistakes| format!("its result does not fit its output schema: {mistakes}"))?;
    }
    RawValue::from_string(text).map_err(|error| format!("its structured content is not JSON: {error}"))
}

/// The plugin's mistake, not the caller's: the model learns that trying again is no use, the log learns why.
fn broken(tool: &Tool, reason: &str) -> Completed {
    let name = tool.name();
    tracing::warn!(plugin = %tool.program().id, tool = %name, reason, "a tool broke its own description");
    Completed::failure(format!("The tool `{name}` is broken: {reason}."))
}

fn refused_by_guest(error: ToolError) -> Result<Completed, Fault> {
    match error {
        ToolError::InvalidArguments(text) | ToolError::Denied(text) | ToolError::Failed(text) => Ok(Completed::failure(text)),
        ToolError::Retryable(hint) => {
            let when: Cow<'_, str> = match hint.after_ms {
                Some(after_ms) => format!("Calling again in {after_ms} ms may help.").into(),
                None => "Calling again may help.".into(),
            };
            Ok(Completed::failure(format!("{} {when}", hint.message)))
        }
        ToolError::Internal(text) => Err(Fault::Internal(text)),
    }
}

fn without_reserved(meta: &str) -> Option<String> {
    let Ok(Value::Object(mut object)) = json::strict(meta) else { return None };
    object.retain(|key, _| !is_reserved(key));
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
