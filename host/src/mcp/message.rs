//! JSON-RPC messages as they arrive: each byte is read once, straight into what the methods need.
//!
//! Whatever the method, its params are read into one [`Params`]; arguments stay text until the tool's schema is at hand.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::fault::{Fault, Rejection};
use crate::json;

/// A request's id, as the client wrote it: a string or an integer.
pub(super) type Id = Box<RawValue>;

/// One message.
#[derive(Debug)]
pub struct Message<'a> {
    pub kind: Kind<'a>,
    pub params: Params<'a>,
}

/// What a message wants.
#[derive(Debug)]
pub enum Kind<'a> {
    /// An answer.
    Request { id: Id, method: Cow<'a, str> },
    /// Nothing.
    Notification { method: Cow<'a, str> },
    /// To answer a request of ours: its result, or `None` and what went wrong instead.
    Response { id: Id, result: Option<&'a RawValue>, error: Option<&'a RawValue> },
}

/// The params of every method that a client may send.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Params<'a> {
    #[serde(borrow, rename = "_meta")]
    pub meta: Meta<'a>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub cursor: Option<Text<'a>>,
    #[serde(borrow)]
    pub uri: Option<Text<'a>>,
    #[serde(borrow, rename = "ref")]
    pub reference: Option<Reference<'a>>,
    #[serde(borrow)]
    pub argument: Option<Object<Argument<'a>>>,
    #[serde(borrow)]
    pub context: Option<Object<CompletionContext<'a>>>,
    #[serde(borrow)]
    pub request_state: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "present")]
    pub input_responses: Option<&'a RawValue>,
    #[serde(borrow)]
    pub level: Option<Text<'a>>,
    pub notifications: Option<Object<Filter>>,
    #[serde(borrow)]
    pub request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub protocol_version: Option<Text<'a>>,
    pub capabilities: Option<Object<Capabilities>>,
    #[serde(borrow)]
    pub client_info: Option<Object<ClientInfo<'a>>>,
    #[serde(borrow)]
    pub task_id: Option<Text<'a>>,
    /// What 2025-11-25 says to have a call made a task. Later revisions ignore it, whatever it holds.
    #[serde(borrow, deserialize_with = "present")]
    pub task: Option<&'a RawValue>,
}

/// What a completion is for.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub enum Reference<'a> {
    #[serde(rename = "ref/prompt")]
    Prompt { name: Cow<'a, str> },
    #[serde(rename = "ref/resource")]
    Resource { uri: Cow<'a, str> },
}

/// What is being filled in, and how far.
#[derive(Debug, Deserialize)]
pub struct Argument<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub value: Text<'a>,
}

/// What is filled in already.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CompletionContext<'a> {
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
}

/// What a listener wants to hear (`SubscriptionFilter`).
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tools_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompts_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resources_list_changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_subscriptions: Vec<String>,
    /// Tasks to hear of (extension `io.modelcontextprotocol/tasks`, "Task Status Notifications").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ids: Option<Vec<String>>,
}

/// `_meta` of a request.
#[derive(Debug, Default)]
pub struct Meta<'a> {
    /// `io.modelcontextprotocol/protocolVersion`: what makes a request a modern one.
    pub protocol_version: Option<Text<'a>>,
    pub client_capabilities: Option<Object<Capabilities>>,
    pub client_info: Option<Object<ClientInfo<'a>>>,
    /// The least level of log messages that the client wants to hear.
    pub log_level: Option<Text<'a>>,
    /// A string or a number, echoed as it came.
    pub progress_token: Option<&'a RawValue>,
    pub traceparent: Option<Text<'a>>,
    pub tracestate: Option<Text<'a>>,
    pub baggage: Option<Text<'a>>,
    /// Everything else that is not the protocol's own.
    pub others: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl Meta<'_> {
    /// Whether this request says that its client knows tasks.
    pub(super) fn knows_tasks(&self) -> bool {
        let extensions = self.client_capabilities.as_ref().and_then(|declared| declared.extensions.as_ref());
        extensions.is_some_and(|extensions| extensions.tasks.is_some())
    }
}

/// `clientInfo`, as far as it is passed on.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct ClientInfo<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub version: Option<Text<'a>>,
}

/// What a client can be asked for.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    pub elicitation: Option<Object<Elicitation>>,
    pub sampling: Option<Object<Sampling>>,
    pub roots: Option<IgnoredAny>,
    pub extensions: Option<Object<Extensions>>,
}

/// Extensions of the protocol that a client knows, as far as the host has them too.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Extensions {
    #[serde(rename = "io.modelcontextprotocol/tasks")]
    pub tasks: Option<Object<IgnoredFields>>,
}

/// An object of which only counts that it is there.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct IgnoredFields {}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Elicitation {
    pub form: Option<IgnoredAny>,
    pub url: Option<IgnoredAny>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Sampling {
    pub tools: Option<IgnoredAny>,
}

/// An object, and nothing else: serde takes an array for a struct as well.
#[derive(Debug, Default, Clone)]
pub struct Object<T>(pub T);

impl<T> std::ops::Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AsObject<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AsObject<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Object<T>, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(entries)).map(Object)
            }
        }
        input.deserialize_map(AsObject(std::marker::PhantomData))
    }
}

/// A string, borrowed from the body unless it has escapes. (serde owns a `Cow` inside an `Option`.)
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        input.deserialize_str(AsText)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Meta<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AsMeta;
        impl<'de> Visitor<'de> for AsMeta {
            type Value = Meta<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Meta<'de>, A::Error> {
                let mut meta = Meta::default();
                while let Some(Text(key)) = entries.next_key()? {
                    match &*key {
                        "io.modelcontextprotocol/protocolVersion" => {
                            once(&mut meta.protocol_version, &key, &mut entries)?;
                        }
                        "io.modelcontextprotocol/clientCapabilities" => {
                            once(&mut meta.client_capabilities, &key, &mut entries)?;
                        }
                        "io.modelcontextprotocol/clientInfo" => once(&mut meta.client_info, &key, &mut entries)?,
                        "io.modelcontextprotocol/logLevel" => once(&mut meta.log_level, &key, &mut entries)?,
                        "progressToken" => {
                            once(&mut meta.progress_token, &key, &mut entries)?;
                            check_token(meta.progress_token)?;
                        }
                        "traceparent" => once(&mut meta.traceparent, &key, &mut entries)?,
                        "tracestate" => once(&mut meta.tracestate, &key, &mut entries)?,
                        "baggage" => once(&mut meta.baggage, &key, &mut entries)?,
                        reserved if is_reserved(reserved) => drop(entries.next_value::<IgnoredAny>()?),
                        _ if meta.others.iter().any(|(other, _)| *other == key) => {
                            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
                        }
                        _ => meta.others.push((key, entries.next_value()?)),
                    }
                }
                Ok(meta)
            }
        }
        input.deserialize_map(AsMeta)
    }
}

/// A progress token is a string or a number (MCP 2026-07-28, progress).
fn check_token<E: serde::de::Error>(token: Option<&RawValue>) -> Result<(), E> {
    let fits = |token: &RawValue| {
        token.get().starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
    };
    if token.is_none_or(fits) { Ok(()) } else { Err(E::custom("`progressToken` must be a string or a number")) }
}

fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    key: &str,
    entries: &mut A,
) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
    }
    *place = Some(entries.next_value()?);
    Ok(())
}

/// Whether a `_meta` key is the protocol's: the second label of its prefix is `modelcontextprotocol` or `mcp`
/// (MCP 2026-07-28, basic, "`_meta`").
pub(super) fn is_reserved(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else { return false };
    matches!(prefix.split('.').nth(1), Some("modelcontextprotocol" | "mcp"))
}

/// The frame. Keys that are not JSON-RPC's are skipped, but none may stand twice.
#[derive(Default)]
struct Frame<'a> {
    jsonrpc: Option<Text<'a>>,
    id: Option<&'a RawValue>,
    method: Option<Text<'a>>,
    params: Option<Object<Params<'a>>>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Frame<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AsFrame;
        impl<'de> Visitor<'de> for AsFrame {
            type Value = Frame<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC message, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Frame<'de>, A::Error> {
                let mut frame = Frame::default();
                let mut params = None;
                let mut skipped = Vec::new();
                while let Some(Text(key)) = entries.next_key()? {
                    match &*key {
                        "jsonrpc" => once(&mut frame.jsonrpc, &key, &mut entries)?,
                        "id" => once(&mut frame.id, &key, &mut entries)?,
                        "method" => once(&mut frame.method, &key, &mut entries)?,
                        // `null` is no params, and still may not stand twice.
                        "params" => once(&mut params, &key, &mut entries)?,
                        "result" => once(&mut frame.result, &key, &mut entries)?,
                        "error" => once(&mut frame.error, &key, &mut entries)?,
                        _ if skipped.contains(&key) => {
                            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
                        }
                        _ => {
                            entries.next_value::<IgnoredAny>()?;
                            skipped.push(key);
                        }
                    }
                }
                frame.params = params.flatten();
                Ok(frame)
            }
        }
        input.deserialize_map(AsFrame)
    }
}

/// Keeps `null` apart from absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

impl<'a> Message<'a> {
    /// Reads a message.
    pub fn parse(text: &'a str) -> Result<Self, Rejection> {
        if is_batch(text) {
            // Well-formed or not, an array is answered as one.
            return Err(Fault::InvalidRequest("a batch is not accepted here: send one message at a time".into()).into());
        }
        if !json::is_shallow(text) {
            let reason = format!("the message is nested more than {} deep", json::DEPTH_MAX);
            return Err(Fault::InvalidRequest(reason).into());
        }
        let frame: Frame<'a> = serde_json::from_str(text).map_err(|error| diagnose(text, &error))?;
        Self::check(frame)
    }

    fn check(frame: Frame<'a>) -> Result<Self, Rejection> {
        let id = frame.id.map(check_id).transpose()?;
        if frame.jsonrpc.as_deref() != Some("2.0") {
            let fault = Fault::InvalidRequest("`jsonrpc` must be \"2.0\"".into());
            return Err(Rejection { id, fault });
        }
        let kind = match (frame.method, id) {
            (Some(Text(method)), Some(id)) => Kind::Request { id, method },
            (Some(Text(method)), None) => Kind::Notification { method },
            (None, Some(id)) if frame.result.is_some() || frame.error.is_some() => {
                Kind::Response { id, result: frame.result, error: frame.error }
            }
            (None, id) => {
                return Err(Rejection { id, fault: Fault::InvalidRequest("`method` is missing".into()) });
            }
        };
        Ok(Self { kind, params: frame.params.map(|params| params.0).unwrap_or_default() })
    }
}

/// A body as text.
pub(super) fn utf8(body: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(body)
        .map_err(|error| Fault::Parse(format!("the body is not UTF-8 from byte {} on", error.valid_up_to())))
}

/// Whether a body holds an array rather than one message.
pub(super) fn is_batch(text: &str) -> bool {
    text.trim_start().starts_with('[')
}

fn check_id(id: &RawValue) -> Result<Id, Fault> {
    let text = id.get();
    let integer = || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if text.starts_with('"') || integer() {
        Ok(id.to_owned())
    } else {
        Err(Fault::InvalidRequest("`id` must be a string or an integer".into()))
    }
}

/// Says what is wrong with a body that did not read. Only ever reached by mistakes, so it may read again.
fn diagnose(text: &str, error: &serde_json::Error) -> Rejection {
    if error.is_syntax() || error.is_eof() {
        return Fault::Parse(format!("the body is not JSON: {error}")).into();
    }
    #[derive(Deserialize)]
    struct IdAlone<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        params: Option<IgnoredAny>,
    }
    let Ok(message) = serde_json::from_str::<IdAlone<'_>>(text) else {
        return Fault::InvalidRequest(format!("the message does not read: {error}")).into();
    };
    let id = message.id.and_then(|id| check_id(id).ok());
    let duplicate = error.to_string().starts_with("duplicate field");
    let fault = if duplicate || message.params.is_none() {
        Fault::InvalidRequest(format!("the message does not read: {error}"))
    } else {
        Fault::InvalidParams(format!("the params do not read: {error}"))
    };
    Rejection { id, fault }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
