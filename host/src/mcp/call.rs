//! A call without an era: arguments held against the schema, a slot taken, the guest run, its answer checked.

use std::sync::Arc;

use serde_json::{Value, value::RawValue};

use super::{
    arguments::{read_arguments, read_strings},
    caller::Caller,
    counted,
    fault::Fault,
    interact::{self, Question, Round},
    message::Params,
    observed, recorded,
    returned::{finish, sentence, tool_error},
    runner::{Runner, context},
    visitor::Visitor,
};
use crate::{
    auth::{By, Principal},
    catalog::{Catalog, Program, Prompt, Tool},
    config::Limits,
    inflight::Tally,
    metrics,
    observe::{self, Seen},
    policy::{Permit, Uri, What},
    sandbox::{
        CallError, Longer, Ran, Run, Score, Voice,
        contract::{
            CallContext, Content, InputNeed, Outcome, PromptOutcome, PromptResult, ReadOutcome, ResourceContents,
            Resumption, TextContent, ToolError, ToolResult,
        },
    },
    telemetry::{self, Open, SpanKind},
};

/// Arguments of a plain function whose mistakes are told in the words of its types.
const EXPLAINED_BYTES_MAX: usize = 64 << 10;

/// One call, ready to run, and to run again when the client has answered what it asked.
pub struct Call {
    pub wanted: Wanted,
    pub caller: Arc<Caller>,
    pub voice: Option<Voice>,
    pub(super) round: Round,
    /// Counted from 1.
    pub(super) attempt: u32,
    pub(super) span: Span,
    /// The request, or the task, that it is of, if that is traced.
    pub(super) trace: Option<Arc<Open>>,
}

/// Which of its tool's bounds of time hold for a call.
#[derive(Debug, Clone, Default)]
pub(super) enum Span {
    /// Those of calls.
    #[default]
    Call,
    /// Those of tasks.
    Task,
    /// Those of calls, until it becomes a task.
    Becoming(Longer),
}

/// What is called.
pub enum Wanted {
    Tool {
        permit: Permit<Tool>,
        /// The arguments as the client wrote them, which is how the guest gets them.
        arguments: String,
        /// The same, parsed.
        value: Value,
    },
    Prompt {
        permit: Permit<Prompt>,
        arguments: Vec<(String, String)>,
    },
    Resource {
        permit: Permit<Program>,
        uri: String,
    },
}

/// What came of a call.
#[derive(Debug)]
pub enum Reply {
    Tool(Completed),
    Prompt(PromptResult),
    Resource(Vec<ResourceContents>),
    NeedInput(InputNeed),
}

/// A tool's result, and its structured content known to be JSON.
#[derive(Debug)]
pub struct Completed {
    pub result: ToolResult,
    pub structured: Option<Box<RawValue>>,
    /// The plugin says that it had no effect, and that calling again may help.
    pub(super) again: Option<Again>,
    /// As it is counted.
    pub(super) outcome: metrics::Outcome,
}

/// A tool's wish to be called again.
#[derive(Debug)]
pub(super) struct Again {
    /// How long to wait, in milliseconds; `None`: as the host sees fit.
    pub(super) after_ms: Option<u64>,
}

impl Completed {
    /// A failure that a model can read and act on.
    pub(super) fn failure(text: impl Into<String>) -> Self {
        let text = TextContent { text: text.into(), annotations: None, meta: None };
        let result = ToolResult { content: vec![Content::Text(text)], structured: None, is_error: true, meta: None };
        Self { result, structured: None, again: None, outcome: metrics::Outcome::Error }
    }

    /// The same, for another reason than that the plugin says so.
    pub(super) fn because(self, outcome: metrics::Outcome) -> Self {
        Self { outcome, ..self }
    }
}

impl Call {
    /// The first round of a call.
    pub fn new(wanted: Wanted, caller: Arc<Caller>, voice: Option<Voice>) -> Self {
        Self { wanted, caller, voice, round: Round::first(), attempt: 1, span: Span::Call, trace: None }
    }

    /// The same, as part of a request or task that is traced.
    pub(super) fn traced(mut self, trace: Option<Arc<Open>>) -> Self {
        if let Some(open) = &trace {
            let (target, attributes) = self.wanted.described();
            open.is_about(&target, attributes);
        }
        self.trace = trace;
        self
    }

    /// What the plugin asks before it can go on. The call is then in its next round, and waits for [`Call::answered`].
    pub fn questions(&mut self, need: InputNeed) -> Result<Vec<Question>, Fault> {
        let (questions, next) = self.asked(need)?;
        self.round = next;
        Ok(questions)
    }

    /// The same, and the round that is next, for those who take the call up as another one.
    pub(super) fn asked(&self, need: InputNeed) -> Result<(Vec<Question>, Round), Fault> {
        let next = self.round.next(&need)?;
        Ok((interact::questions(need, self.caller.capabilities)?, next))
    }

    /// Takes the client's answers, by key: JSON objects.
    pub fn answered(&mut self, responses: Vec<(String, String)>) {
        self.round.responses = responses;
    }
}

impl Wanted {
    /// What a request for one of the three methods wants; `check` holds a tool call's envelope against the tool.
    pub(super) fn tool(
        catalog: &Catalog,
        visitor: &Visitor,
        params: &Params<'_>,
        check: impl FnOnce(&Tool, &Value) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let name = required(params.name.as_deref(), "name")?;
        // Before anything is said of the call: who may not know of a tool does not learn of it by its mistakes.
        let tool = catalog.tool(name).filter(|tool| visitor.knows(&What::tool(tool)));
        let tool = tool.ok_or_else(|| unknown("tool", name, "tools/list"))?;
        let wanted = Self::of_tool(tool, visitor, params.arguments.map_or("{}", RawValue::get))?;
        if let Self::Tool { value, .. } = &wanted {
            check(tool, value)?;
        }
        Ok(wanted)
    }

    /// A call of this tool.
    pub(super) fn of_tool(tool: &Arc<Tool>, visitor: &Visitor, arguments: &str) -> Result<Self, Fault> {
        let (arguments, value) = read_arguments(arguments)?;
        let permit = visitor.permit(tool, &value, || unknown("tool", tool.name().as_str(), "tools/list"))?;
        Ok(Self::Tool { permit, arguments, value })
    }

    /// A prompt by its public name. All its required arguments must be there, and no others.
    pub(super) fn prompt(catalog: &Catalog, visitor: &Visitor, params: &Params<'_>) -> Result<Self, Fault> {
        let name = required(params.name.as_deref(), "name")?;
        let unknown = || unknown("prompt", name, "prompts/list");
        let prompt = catalog.prompt(name).filter(|prompt| visitor.knows(&What::prompt(prompt))).ok_or_else(unknown)?;
        let arguments = read_strings("arguments", params.arguments)?;
        let described = &prompt.described().arguments;
        let given = |name: &str| arguments.iter().any(|(given, _)| given == name);
        if let Some(missing) = described.iter().find(|argument| argument.required && !given(&argument.name)) {
            return Err(Fault::InvalidParams(format!("the prompt needs the argument `{}`", missing.name)));
        }
        if let Some((other, _)) =
            arguments.iter().find(|(given, _)| !described.iter().any(|known| known.name == *given))
        {
            return Err(Fault::InvalidParams(format!("the prompt has no argument `{other}`")));
        }
        Ok(Self::Prompt { permit: visitor.permit(prompt, (), unknown)?, arguments })
    }

    /// A resource by its URI.
    pub(super) fn resource(catalog: &Catalog, visitor: &Visitor, params: &Params<'_>) -> Result<Self, Fault> {
        let uri = required(params.uri.as_deref(), "uri")?;
        let unknown = || Fault::NotFound { uri: uri.to_owned() };
        let plugin = catalog.answering_for(uri).ok_or_else(unknown)?;
        Ok(Self::Resource {
            permit: visitor.permit(plugin.program(), Uri::Resource(uri), unknown)?,
            uri: uri.to_owned(),
        })
    }

    /// What a sealed state of this call is bound to: a name and arguments.
    pub(super) fn identity(&self) -> (&str, Value) {
        match self {
            Self::Tool { permit, value, .. } => (permit.what().name().as_str(), value.clone()),
            Self::Prompt { permit, arguments } => {
                let arguments = arguments.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
                (permit.what().name().as_str(), Value::Object(arguments.collect()))
            }
            Self::Resource { uri, .. } => (uri, Value::Null),
        }
    }

    /// How heavy such calls have been.
    pub(super) fn score(&self) -> &Arc<Score> {
        match self {
            Self::Tool { permit, .. } => permit.what().score(),
            Self::Prompt { permit, .. } => &permit.what().program().score,
            Self::Resource { permit, .. } => &permit.what().score,
        }
    }

    /// Such calls, as they are counted and as the operator sees them.
    fn tally(&self) -> &Tally {
        match self {
            Self::Tool { permit, .. } => permit.what().tally(),
            Self::Prompt { permit, .. } => &permit.what().program().tally,
            Self::Resource { permit, .. } => &permit.what().tally,
        }
    }

    /// Whether everybody might have asked for it: nobody was asked who they are, and no policy decided.
    pub(super) fn is_anybodys(&self) -> bool {
        let decided = match self {
            Self::Tool { permit, .. } => permit.rule(),
            Self::Prompt { permit, .. } => permit.rule(),
            Self::Resource { permit, .. } => permit.rule(),
        };
        decided.is_none() && self.principal().by == By::Anonymous
    }

    /// The policy that allows it, where there are policies.
    pub(super) fn rule(&self) -> Option<&str> {
        let rule = match self {
            Self::Tool { permit, .. } => permit.rule(),
            Self::Prompt { permit, .. } => permit.rule(),
            Self::Resource { permit, .. } => permit.rule(),
        };
        rule.map(|rule| &**rule)
    }

    pub(super) fn principal(&self) -> &Arc<Principal> {
        match self {
            Self::Tool { permit, .. } => permit.principal(),
            Self::Prompt { permit, .. } => permit.principal(),
            Self::Resource { permit, .. } => permit.principal(),
        }
    }
}

fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, Fault> {
    value.ok_or_else(|| Fault::InvalidParams(format!("`{name}` is missing")))
}

/// The fault of naming something that is not there.
pub(super) fn unknown(what: &str, name: &str, list: &str) -> Fault {
    let name: String = name.chars().take(100).collect();
    Fault::InvalidParams(format!("there is no {what} `{name}`; {list} names those there are"))
}

/// Runs a call. A fault is for the client's program; everything that a model could act on is a [`Reply`].
pub async fn run(runner: &Runner, call: &Call) -> Result<Reply, Fault> {
    let mark = call.wanted.tally().begin(&call.wanted.principal().subject);
    let done = match (&runner.observer, &call.trace) {
        _ if runner.audit.is_on() => Box::pin(recorded::run(runner, call)).await,
        (None, None) => run_unseen(runner, call).await,
        _ => Box::pin(observed::run(runner, call)).await,
    };
    mark.ended(counted::outcome(&done));
    done
}

pub(super) async fn run_unseen(runner: &Runner, call: &Call) -> Result<Reply, Fault> {
    match &call.wanted {
        Wanted::Tool { permit, arguments, value } => run_tool(runner, call, permit, arguments, value).await,
        Wanted::Prompt { permit, arguments } => {
            let (prompt, program) = (permit.what(), permit.what().program());
            let _slot = runner.slot(program).await?;
            let arguments: Vec<(&str, &str)> = pairs(arguments);
            let ran = enter(runner, call, program, &program.limits, async |context, resume, run| {
                program.component.get_prompt(&prompt.described().name, &arguments, context, resume, run).await
            });
            match or_fault(program, ran.await)? {
                PromptOutcome::Complete(result) => Ok(Reply::Prompt(result)),
                PromptOutcome::NeedInput(need) => Ok(Reply::NeedInput(need)),
            }
        }
        Wanted::Resource { permit, uri } => {
            let program = permit.what();
            let _slot = runner.slot(program).await?;
            let ran = enter(runner, call, program, &program.limits, async |context, resume, run| {
                program.component.read_resource(uri, context, resume, run).await
            });
            match or_fault(program, ran.await)? {
                // Clients take an empty list for a resource that is empty, which is not what this is.
                ReadOutcome::Complete(contents) if contents.is_empty() => Err(Fault::NotFound { uri: uri.clone() }),
                ReadOutcome::Complete(contents) => Ok(Reply::Resource(contents)),
                ReadOutcome::NotFound => Err(Fault::NotFound { uri: uri.clone() }),
                ReadOutcome::NeedInput(need) => Ok(Reply::NeedInput(need)),
            }
        }
    }
}

async fn run_tool(
    runner: &Runner,
    call: &Call,
    permit: &Permit<Tool>,
    arguments: &String,
    value: &Value,
) -> Result<Reply, Fault> {
    let tool = permit.what();
    if let Err(mistakes) = tool.input().check(value) {
        let name = tool.name();
        // What is very large may have been refused for that alone.
        let small = arguments.len() <= EXPLAINED_BYTES_MAX;
        let by_types = small.then(|| tool.program().component.mistake(&tool.described().name, value)).flatten();
        let mistakes = by_types.unwrap_or(mistakes);
        let text =
            format!("The arguments do not fit the input schema of `{name}`: {mistakes}. Correct them and call again.");
        return Ok(Reply::Tool(Completed::failure(text).because(metrics::Outcome::Invalid)));
    }
    let program = tool.program();
    let _slot = runner.slot(program).await?;
    let limits = if matches!(call.span, Span::Task) { tool.task_limits() } else { tool.limits() };
    let ran = enter(runner, call, program, limits, async |context, resume, run| {
        program.component.call(&tool.described().name, (arguments, value), context, resume, run).await
    });
    match ran.await {
        Ok(Ok(Outcome::Complete(result))) => Ok(Reply::Tool(finish(tool, result))),
        Ok(Ok(Outcome::NeedInput(need))) => Ok(Reply::NeedInput(need)),
        Ok(Err(error)) => tool_error(error).map(Reply::Tool),
        Err(CallError::Busy) => Err(Fault::Busy),
        Err(error) => {
            log_trap(program, &error);
            let outcome = if error.limit().is_some() { metrics::Outcome::Limit } else { metrics::Outcome::Trapped };
            Ok(Reply::Tool(Completed::failure(sentence(&error.to_string())).because(outcome)))
        }
    }
}

/// Enters the guest with the call's context, and with the answers it waits for if it asked for some.
async fn enter<T>(
    runner: &Runner,
    call: &Call,
    program: &Program,
    limits: &Limits,
    guest: impl AsyncFnOnce(CallContext<'_>, Option<Resumption<'_>>, Run<'_>) -> Ran<T>,
) -> Ran<T> {
    let principal = call.wanted.principal();
    let scopes: Vec<&str> = principal.scopes.iter().map(String::as_str).collect();
    let longer = if let Span::Becoming(longer) = &call.span { Some(longer.clone()) } else { None };
    // A guest that minds its time is not to end itself when it would have become a task.
    let timeout = if longer.is_some() { limits.task_timeout() } else { limits.timeout() };
    let (key, voice) = (&call.round.idempotency_key, call.voice.as_ref());
    let context = context(&call.caller, principal, &scopes, timeout, key, voice);
    let mut span = guests_span(program);
    let told = call.trace.as_ref().map(|open| open.context());
    let trace = call.caller.trace(told.as_ref());
    let context = CallContext { attempt: call.attempt, trace, ..context };
    let responses: Vec<(&str, &String)> = call.round.responses.iter().map(|(key, json)| (key.as_str(), json)).collect();
    let resume = call.round.is_resumed().then_some(Resumption { responses: &responses, state: &call.round.state });
    let run = Run {
        limits,
        score: call.wanted.score(),
        voice: call.voice.clone(),
        signals: Some(runner.signals.of(&principal.tenant)),
        prefixes: &program.prefixes,
        longer,
    };
    let ran = guest(context, resume, run).await;
    if let Err(error) = &ran {
        span.failed(error.limit().unwrap_or("trapped"));
    }
    ran
}

/// The span of one run of a guest. What the host does for it is below.
fn guests_span(program: &Program) -> telemetry::Span {
    let mut span = telemetry::begin("guest", SpanKind::Internal).with_children();
    if span.is_seen() {
        span.set("toolyard.plugin", program.id.to_string());
        span.set("toolyard.component", program.component.digest().to_string());
    }
    span
}

pub(super) fn pairs(entries: &[(String, String)]) -> Vec<(&str, &str)> {
    entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Outside of tools there is no result that could tell a model of a failure: all of them are faults.
pub(super) fn or_fault<T>(program: &Program, ran: Ran<T>) -> Result<T, Fault> {
    match ran {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ToolError::InvalidArguments(text))) => Err(Fault::InvalidParams(text)),
        Ok(Err(ToolError::Denied(text) | ToolError::Failed(text) | ToolError::Internal(text))) => {
            Err(Fault::Internal(text))
        }
        Ok(Err(ToolError::Retryable(hint))) => Err(Fault::Internal(hint.message)),
        Err(CallError::Busy) => Err(Fault::Busy),
        Err(error) => {
            log_trap(program, &error);
            Err(Fault::Internal(error.to_string()))
        }
    }
}

fn log_trap(program: &Program, error: &CallError) {
    if let CallError::Trapped { detail } = error {
        tracing::warn!(tenant = %program.tenant, plugin = %program.id, detail, "a call trapped");
        observe::say(|| Seen::Broke { why: detail.clone() });
    }
}
