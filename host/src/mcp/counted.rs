//! Requests and calls, as metrics and traces have them: by names that are known beforehand, and nothing of what was said.
//!
//! Traces follow the conventions that OpenTelemetry has for this protocol ("Semantic conventions for Model Context Protocol").

use super::{
    Answer, Rejection, Request, Via,
    call::{Call, Reply, Wanted},
    era::{Era, MODERN_VERSIONS},
    fault::Fault,
    message::Message,
};
use crate::{
    metrics::{self, Answered, Method, Outcome},
    telemetry::{Begun, KeyValue, Trace, Tracer},
};

/// A message that is being answered.
pub(super) struct Asked {
    era: metrics::Era,
    method: Method,
    trace: Trace,
}

impl Asked {
    /// Here a request becomes one that is traced, or not.
    pub(super) fn new(tracer: Option<&Tracer>, request: &mut Request<'_>, era: Era, message: &Message<'_>) -> Self {
        let method = message.method().map_or(Method::OTHER, Method::of);
        let own_era = if era == Era::Modern { metrics::Era::Modern } else { metrics::Era::Legacy };
        let Request { via, visitor, trace } = request;
        trace.open(tracer, || {
            let meta = &message.params.meta;
            let context = meta.traceparent.as_deref().map(|parent| (parent, meta.tracestate.as_deref()));
            let version = match era {
                Era::Modern => MODERN_VERSIONS[0],
                Era::Legacy(version) => version.as_str(),
            };
            let mut attributes = vec![
                KeyValue::new("mcp.method.name", method.name()),
                KeyValue::new("mcp.protocol.version", version),
                KeyValue::new("toolyard.era", own_era.name()),
                KeyValue::new("toolyard.tenant", visitor.tenant.id.to_string()),
            ];
            match via {
                Via::Http { .. } => attributes.extend([
                    KeyValue::new("network.transport", "tcp"),
                    KeyValue::new("network.protocol.name", "http"),
                ]),
                Via::Stdio(_) => attributes.push(KeyValue::new("network.transport", "pipe")),
            }
            Begun { name: method.name(), context, attributes }
        });
        Self { era: own_era, method, trace: trace.clone() }
    }

    /// It has been answered, or its answer has begun: a stream ends with the call that it is of.
    pub(super) fn answered(self, answer: Result<&Answer, &Rejection>) {
        let answered = match answer {
            Ok(Answer::Events(_)) => Answered::Stream,
            Ok(_) => Answered::Ok,
            Err(_) => Answered::Fault,
        };
        metrics::answered(self.era, self.method, answered);
        let Some(open) = self.trace.sampled() else { return };
        if let Err(rejection) = answer {
            open.failed(kind(&rejection.fault), Some(rejection.fault.code(None).into()));
        }
        if answered != Answered::Stream {
            open.ended();
        }
    }
}

/// A message that does not read, or does not say which revision it is of.
pub(super) fn unread() {
    metrics::answered(metrics::Era::Unknown, Method::OTHER, Answered::Fault);
}

impl Wanted {
    /// What a span of its call says of it. Not a resource's URI: that is the caller's own word.
    pub(super) fn described(&self) -> (String, Vec<KeyValue>) {
        let plugin = |id: &crate::ids::PluginId| KeyValue::new("toolyard.plugin", id.to_string());
        match self {
            Self::Tool { permit, .. } => {
                let (name, program) = (permit.what().name().to_string(), permit.what().program());
                let operation = KeyValue::new("gen_ai.operation.name", "execute_tool");
                (name.clone(), vec![KeyValue::new("gen_ai.tool.name", name), operation, plugin(&program.id)])
            }
            Self::Prompt { permit, .. } => {
                let name = permit.what().name().to_string();
                let id = &permit.what().program().id;
                (name.clone(), vec![KeyValue::new("gen_ai.prompt.name", name), plugin(id)])
            }
            Self::Resource { permit, .. } => (permit.what().id.to_string(), vec![plugin(&permit.what().id)]),
        }
    }
}

/// How a call ended.
pub(super) fn outcome(done: &Result<Reply, Fault>) -> Outcome {
    match done {
        Ok(Reply::Tool(completed)) => completed.outcome,
        Ok(Reply::Prompt(_) | Reply::Resource(_)) => Outcome::Ok,
        Ok(Reply::NeedInput(_)) => Outcome::Asked,
        Err(Fault::Busy | Fault::PluginBusy | Fault::Exceeded(_)) => Outcome::Busy,
        Err(_) => Outcome::Fault,
    }
}

/// Tells a call's trace how it ended.
pub(super) fn traced(call: &Call, done: &Result<Reply, Fault>) {
    let Some(open) = &call.trace else { return };
    match (done, outcome(done)) {
        (Err(fault), _) => open.failed(kind(fault), Some(fault.code(None).into())),
        // The conventions' word for it.
        (_, Outcome::Error) => open.failed("tool_error", None),
        (_, outcome) if outcome.is_failure() => open.failed(outcome.name(), None),
        _ => {}
    }
}

/// A fault as a trace calls it: in one word, without what the sentence says of the request.
fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Parse(_) => "parse_error",
        Fault::InvalidRequest(_) => "invalid_request",
        Fault::MethodNotFound(_) | Fault::WrongWay(_) => "method_not_found",
        Fault::InvalidParams(_) => "invalid_params",
        Fault::HeaderMismatch(_) => "header_mismatch",
        Fault::UnsupportedVersion { .. } => "unsupported_version",
        Fault::MissingCapability { .. } => "missing_capability",
        Fault::NotFound { .. } => "not_found",
        Fault::NoSession => "no_session",
        Fault::Busy | Fault::PluginBusy => "busy",
        Fault::Denied { .. } => "denied",
        Fault::Exceeded(_) => "quota_exceeded",
        Fault::TooManyTasks(_) => "too_many_tasks",
        Fault::StoreAway => "store_away",
        Fault::NotRecorded => "not_recorded",
        Fault::Internal(_) => "internal",
    }
}
