//! What a request says of the one who sent it, without an era.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    fault::Fault,
    message::{Capabilities, ClientInfo, Meta, Text},
};
use crate::{
    json,
    sandbox::contract::{Client, ClientCapabilities, TraceContext},
    telemetry::Open,
};

/// Characters of a client's name or version: they go into session ids, and those into headers.
const NAME_CHARS_MAX: usize = 200;

/// The client, by its own words.
#[derive(Debug, Default, Clone)]
pub struct Caller {
    pub name: Option<String>,
    pub version: Option<String>,
    pub capabilities: ClientCapabilities,
    trace: Option<Trace>,
    /// In which era it speaks, as the audit trail calls it.
    pub(super) era: Option<&'static str>,
    /// `_meta` that is not the protocol's, as a JSON object.
    pub(super) meta: Option<String>,
}

/// W3C Trace Context.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trace {
    traceparent: String,
    tracestate: Option<String>,
    baggage: Option<String>,
}

/// A [`Caller`] as it is written down.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenCaller {
    name: Option<String>,
    version: Option<String>,
    /// As [`bits`] has them.
    capabilities: u32,
    trace: Option<Trace>,
    meta: Option<String>,
}

impl From<&Caller> for WrittenCaller {
    fn from(caller: &Caller) -> Self {
        let Caller { name, version, capabilities, trace, meta, .. } = caller.clone();
        Self { name, version, capabilities: bits(capabilities), trace, meta }
    }
}

impl From<WrittenCaller> for Caller {
    fn from(written: WrittenCaller) -> Self {
        let WrittenCaller { name, version, capabilities, trace, meta } = written;
        Self { name, version, capabilities: flags(capabilities), trace, era: None, meta }
    }
}

impl Caller {
    /// A client of that name, version and ability.
    pub fn new(name: Option<String>, version: Option<String>, capabilities: ClientCapabilities) -> Self {
        Self { name, version, capabilities, trace: None, era: None, meta: None }
    }

    /// The same, speaking as clients did before 2026.
    pub(super) fn legacy(self) -> Self {
        Self { era: Some("legacy"), ..self }
    }

    /// Reads what a modern request says in `_meta`.
    pub(super) fn of(meta: &Meta<'_>) -> Result<Self, Fault> {
        let capabilities =
            meta.client_capabilities.as_ref().map_or(ClientCapabilities::empty(), |declared| declared.flags());
        Self { capabilities, era: Some("modern"), ..Self::default() }.named(meta.client_info.as_deref()).with_meta(meta)
    }

    /// The same under the name that a client gave itself.
    pub(super) fn named(mut self, info: Option<&ClientInfo<'_>>) -> Self {
        if let Some(info) = info {
            self.name = cut(info.name.as_ref());
            self.version = cut(info.version.as_ref());
        }
        self
    }

    /// The same with what this one request says in `_meta` beside the protocol's own.
    pub(super) fn with_meta(mut self, meta: &Meta<'_>) -> Result<Self, Fault> {
        self.trace = meta.traceparent.as_ref().map(|traceparent| Trace {
            traceparent: traceparent.to_string(),
            tracestate: meta.tracestate.as_ref().map(|text| text.to_string()),
            baggage: meta.baggage.as_ref().map(|text| text.to_string()),
        });
        self.meta = others(meta)?;
        Ok(self)
    }

    /// As a guest sees it.
    pub(super) fn client(&self) -> Client<'_> {
        Client { name: self.name.as_deref(), version: self.version.as_deref(), capabilities: self.capabilities }
    }

    /// The same, whose requests are part of `open` from here on, whoever goes on with them.
    pub(super) fn within(mut self, open: Option<&Arc<Open>>) -> Self {
        if let Some(open) = open {
            let (traceparent, tracestate) = open.context();
            let baggage = self.trace.and_then(|trace| trace.baggage);
            self.trace = Some(Trace { traceparent, tracestate, baggage });
        }
        self
    }

    /// Which trace it says that it belongs to: `traceparent` and `tracestate`.
    pub(super) fn context(&self) -> Option<(&str, Option<&str>)> {
        self.trace.as_ref().map(|trace| (trace.traceparent.as_str(), trace.tracestate.as_deref()))
    }

    /// As a guest sees it. Where the call is traced, `told` is the span that the guest is.
    pub(super) fn trace<'a>(&'a self, told: Option<&'a (String, Option<String>)>) -> Option<TraceContext<'a>> {
        if let Some((traceparent, tracestate)) = told {
            let baggage = self.trace.as_ref().and_then(|trace| trace.baggage.as_deref());
            return Some(TraceContext { traceparent, tracestate: tracestate.as_deref(), baggage });
        }
        self.trace.as_ref().map(|trace| TraceContext {
            traceparent: &trace.traceparent,
            tracestate: trace.tracestate.as_deref(),
            baggage: trace.baggage.as_deref(),
        })
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

/// What outlives this process: a place for each.
const FLAGS: [ClientCapabilities; 5] = [
    ClientCapabilities::ELICITATION_FORM,
    ClientCapabilities::ELICITATION_URL,
    ClientCapabilities::SAMPLING,
    ClientCapabilities::SAMPLING_TOOLS,
    ClientCapabilities::ROOTS,
];

/// Capabilities as a number.
pub(super) fn bits(capabilities: ClientCapabilities) -> u32 {
    let has = |flag: ClientCapabilities| capabilities & flag != ClientCapabilities::empty();
    FLAGS.iter().enumerate().map(|(place, flag)| u32::from(has(*flag)) << place).sum()
}

/// What [`bits`] made.
pub(super) fn flags(bits: u32) -> ClientCapabilities {
    let set = FLAGS.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    set.fold(ClientCapabilities::empty(), |all, (_, flag)| all | *flag)
}

fn cut(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.chars().take(NAME_CHARS_MAX).collect())
}

fn others(meta: &Meta<'_>) -> Result<Option<String>, Fault> {
    if meta.others.is_empty() {
        return Ok(None);
    }
    let mut object = Map::new();
    for (key, value) in &meta.others {
        let value = json::strict(value.get())
            .map_err(|error| Fault::InvalidRequest(format!("`_meta` does not read at `{key}`: {error}")))?;
        object.insert(key.to_string(), value);
    }
    Ok(Some(Value::Object(object).to_string()))
}
