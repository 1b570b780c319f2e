//! Asking the client for something in the middle of a call, without an era: what a plugin asks, whether this client can be
//! asked it, and what comes back.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use sha2::{Digest, Sha256};

use super::fault::Fault;
use crate::{
    auth::Principal,
    ids, json,
    sandbox::contract::{ClientCapabilities, InputNeed, InputRequest},
    seal::Binding,
};

/// What a plugin may want back (wit/types.wit, `input-need`).
const STATE_BYTES_MAX: usize = 16 << 10;

/// Questions in one round, and rounds in one call: a plugin that never has enough must end somewhere.
const QUESTIONS_MAX: usize = 32;
const ROUNDS_MAX: u8 = 32;

/// A request to the client. Both eras know these three methods; each says some params in its own way.
#[derive(Debug, Clone)]
pub struct Question {
    /// What the answer goes under.
    pub key: String,
    pub kind: QuestionKind,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum QuestionKind {
    /// Fill in a form: an object schema without nesting.
    Form { message: String, schema: Box<RawValue> },
    /// Open a page.
    Url { message: String, url: String },
    /// Ask a model: the params of `sampling/createMessage`.
    Sampling { params: Box<RawValue> },
    /// Name the folders the client works in.
    Roots,
}

/// `method` and `params`, as they stand in a request.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// Where a call stands that may take several rounds.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// The same in all rounds.
    pub(super) idempotency_key: String,
    pub(super) number: u8,
    /// What the plugin wanted back.
    pub(super) state: Vec<u8>,
    /// What the client answered, by key: JSON objects.
    pub(super) responses: Vec<(String, String)>,
}

impl Round {
    /// The first round of a new call.
    pub(super) fn first() -> Self {
        Self { idempotency_key: ids::idempotency_key(), number: 0, state: Vec::new(), responses: Vec::new() }
    }

    /// Whether the guest is entered anew rather than for the first time.
    pub(super) fn is_resumed(&self) -> bool {
        self.number > 0 || !self.responses.is_empty()
    }

    /// The round after the plugin asked for `need`.
    pub(super) fn next(&self, need: &InputNeed) -> Result<Self, Fault> {
        if self.number == ROUNDS_MAX {
            return Err(Fault::Internal(format!("the plugin asked for input more than {ROUNDS_MAX} times")));
        }
        if need.state.len() > STATE_BYTES_MAX {
            return Err(Fault::Internal(format!("the plugin's state has more than {STATE_BYTES_MAX} bytes")));
        }
        let idempotency_key = self.idempotency_key.clone();
        Ok(Self { idempotency_key, number: self.number + 1, state: need.state.clone(), responses: Vec::new() })
    }

    /// For sealing. The responses are the client's and come with it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.number, u8::try_from(self.idempotency_key.len()).unwrap_or_default()];
        bytes.extend_from_slice(self.idempotency_key.as_bytes());
        bytes.extend_from_slice(&self.state);
        bytes
    }

    /// What [`Round::to_bytes`] made. `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[number, key_len], rest) = bytes.split_first_chunk()?;
        let (key, state) = rest.split_at_checked(usize::from(key_len))?;
        let idempotency_key = String::from_utf8(key.to_vec()).ok()?;
        Some(Self { idempotency_key, number, state: state.to_vec(), responses: Vec::new() })
    }
}

/// What a call's state is bound to: the caller, the method, what it names, and its arguments.
pub(super) fn binding(principal: &Principal, method: &str, name: &str, arguments: &Value) -> Binding {
    let mut hasher = Sha256::new();
    canonical(arguments, &mut hasher);
    let digest: [u8; 32] = hasher.finalize().into();
    let parts = [
        principal.tenant.as_str().as_bytes(),
        principal.subject.as_bytes(),
        method.as_bytes(),
        name.as_bytes(),
        &digest,
    ];
    Binding::new("request-state", &parts)
}

/// The same for values that differ only in the order of keys, since a client may write its arguments anew.
fn canonical(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort();
            hasher.update(format!("{{{}", keys.len()));
            for key in keys {
                hasher.update(json!(key).to_string());
                canonical(&object[key], hasher);
            }
        }
        Value::Array(items) => {
            hasher.update(format!("[{}", items.len()));
            items.iter().for_each(|item| canonical(item, hasher));
        }
        // Scalars end where their text says so, but for numbers.
        scalar => hasher.update(format!("{scalar},")),
    }
}

/// Reads what a plugin asks, and holds it against what the client declared.
pub(super) fn questions(need: InputNeed, declared: ClientCapabilities) -> Result<Vec<Question>, Fault> {
    let wrong = |reason: String| Fault::Internal(format!("the plugin asks in a way that does not work: {reason}"));
    if need.requests.len() > QUESTIONS_MAX {
        return Err(wrong(format!("more than {QUESTIONS_MAX} questions at once")));
    }
    let mut keys = HashSet::new();
    let mut questions = Vec::with_capacity(need.requests.len());
    let mut missing = ClientCapabilities::empty();
    for (key, request) in need.requests {
        if key.is_empty() || !keys.insert(key.clone()) {
            return Err(wrong(format!("the key `{key}` is empty or used twice")));
        }
        let (kind, needed) = read(request).map_err(wrong)?;
        missing |= needed & (declared ^ ClientCapabilities::all());
        questions.push(Question { key, kind });
    }
    if missing == ClientCapabilities::empty() {
        Ok(questions)
    } else {
        Err(Fault::MissingCapability { required: required(missing) })
    }
}

fn read(request: InputRequest) -> Result<(QuestionKind, ClientCapabilities), String> {
    type Needs = ClientCapabilities;
    match request {
        InputRequest::Form(form) => {
            let (schema, value) = object("a form's schema", form.schema)?;
            let fits = value.get("type").is_some_and(|ty| ty == "object")
                && value.get("properties").is_some_and(Value::is_object);
            if !fits {
                return Err("a form's schema must have `\"type\": \"object\"` and `properties`".into());
            }
            Ok((QuestionKind::Form { message: form.message, schema }, Needs::ELICITATION_FORM))
        }
        InputRequest::Url(page) => {
            if !(page.url.starts_with("https://") || page.url.starts_with("http://")) {
                return Err(format!("`{}` is not a page", page.url));
            }
            Ok((QuestionKind::Url { message: page.message, url: page.url }, Needs::ELICITATION_URL))
        }
        InputRequest::Sampling(params) => {
            let (params, value) = object("the params of sampling", params)?;
            let tools = value.contains_key("tools") || value.contains_key("toolChoice");
            let needs = if tools { Needs::SAMPLING | Needs::SAMPLING_TOOLS } else { Needs::SAMPLING };
            Ok((QuestionKind::Sampling { params }, needs))
        }
        InputRequest::Roots => Ok((QuestionKind::Roots, Needs::ROOTS)),
    }
}

fn object(what: &str, text: String) -> Result<(Box<RawValue>, Map<String, Value>), String> {
    let value = json::strict(&text).map_err(|error| format!("{what} is not JSON: {error}"))?;
    let Value::Object(object) = value else { return Err(format!("{what} is not an object")) };
    let raw = RawValue::from_string(text).map_err(|error| format!("{what} is not JSON: {error}"))?;
    Ok((raw, object))
}

/// `ClientCapabilities` as JSON.
fn required(missing: ClientCapabilities) -> Value {
    type Flags = ClientCapabilities;
    let has = |flag: Flags| missing & flag != Flags::empty();
    let mut required = Map::new();
    let mut elicitation = Map::new();
    if has(Flags::ELICITATION_FORM) {
        elicitation.insert("form".into(), json!({}));
    }
    if has(Flags::ELICITATION_URL) {
        elicitation.insert("url".into(), json!({}));
    }
    if !elicitation.is_empty() {
        required.insert("elicitation".into(), elicitation.into());
    }
    if has(Flags::SAMPLING_TOOLS) {
        required.insert("sampling".into(), json!({ "tools": {} }));
    } else if has(Flags::SAMPLING) {
        required.insert("sampling".into(), json!({}));
    }
    if has(Flags::ROOTS) {
        required.insert("roots".into(), json!({}));
    }
    required.into()
}

impl QuestionKind {
    /// In the words that all revisions share; `mode` and the like are added by those that have them.
    pub(super) fn asked(&self) -> Asked {
        match self {
            Self::Form { message, schema } => {
                Asked { method: "elicitation/create", params: json!({ "message": message, "requestedSchema": schema }) }
            }
            Self::Url { message, url } => {
                Asked { method: "elicitation/create", params: json!({ "mode": "url", "message": message, "url": url }) }
            }
            Self::Sampling { params } => Asked { method: "sampling/createMessage", params: json!(params) },
            Self::Roots => Asked { method: "roots/list", params: json!({}) },
        }
    }
}

impl QuestionKind {
    /// In the words of the revisions that name the mode of a form: the newest, and 2025-11-25.
    pub(super) fn asked_with_mode(&self) -> Asked {
        let mut asked = self.asked();
        if let (Self::Form { .. }, Value::Object(params)) = (self, &mut asked.params) {
            params.insert("mode".into(), "form".into());
        }
        asked
    }
}

impl Question {
    /// Reads what [`QuestionKind::asked_with_mode`] said, as it is kept with a task. `None` for anything else.
    pub(super) fn read(key: &str, asked: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Kept {
            method: String,
            params: Box<RawValue>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Elicitation {
            message: String,
            url: Option<String>,
            requested_schema: Option<Box<RawValue>>,
        }
        let Kept { method, params } = serde_json::from_str(asked.get()).ok()?;
        let kind = match method.as_str() {
            "elicitation/create" => {
                let Elicitation { message, url, requested_schema } = serde_json::from_str(params.get()).ok()?;
                match (url, requested_schema) {
                    (Some(url), _) => QuestionKind::Url { message, url },
                    (None, schema) => QuestionKind::Form { message, schema: schema? },
                }
            }
            "sampling/createMessage" => QuestionKind::Sampling { params },
            "roots/list" => QuestionKind::Roots,
            _ => return None,
        };
        Some(Self { key: key.to_owned(), kind })
    }
}

/// Reads `inputResponses`: an object of objects, by key.
pub(super) fn responses(raw: &RawValue) -> Result<Vec<(String, String)>, Fault> {
    let wrong = |reason: &str| Fault::InvalidParams(format!("`inputResponses` {reason}"));
    let value = json::strict(raw.get()).map_err(|error| wrong(&format!("do not read: {error}")))?;
    let Value::Object(responses) = value else { return Err(wrong("must be an object")) };
    responses
        .into_iter()
        .map(|(key, response)| match response {
            Value::Object(_) => Ok((key, response.to_string())),
            _ => Err(wrong(&format!("must hold objects, and `{key}` is none"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::contract::{FormRequest, UrlRequest};

    fn need(requests: Vec<(&str, InputRequest)>) -> InputNeed {
        InputNeed {
            requests: requests.into_iter().map(|(key, request)| (key.to_owned(), request)).collect(),
            state: vec![],
        }
    }

    fn form(schema: &str) -> InputRequest {
        InputRequest::Form(FormRequest { message: "?".into(), schema: schema.into() })
    }

    #[test]
    fn a_client_is_not_asked_what_it_did_not_declare() {
        let all = || {
            need(vec![
                ("a", form(r#"{"type":"object","properties":{}}"#)),
                ("b", InputRequest::Sampling(r#"{"tools":[]}"#.into())),
                ("c", InputRequest::Roots),
            ])
        };
        let Err(Fault::MissingCapability { required }) = questions(all(), ClientCapabilities::ELICITATION_FORM) else {
            panic!("it was asked");
        };
        assert_eq!(required, json!({ "sampling": { "tools": {} }, "roots": {} }));
        let able = ClientCapabilities::ELICITATION_FORM
            | ClientCapabilities::SAMPLING
            | ClientCapabilities::SAMPLING_TOOLS
            | ClientCapabilities::ROOTS;
        assert_eq!(questions(all(), able).unwrap().len(), 3);
    }

    #[test]
    fn a_question_survives_being_kept() {
        let asked = need(vec![
            ("form", form(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#)),
            ("url", InputRequest::Url(UrlRequest { message: "!".into(), url: "https://example.com/".into() })),
            ("sampling", InputRequest::Sampling(r#"{"maxTokens":1,"messages":[]}"#.into())),
            ("roots", InputRequest::Roots),
        ]);
        for question in questions(asked, ClientCapabilities::all()).unwrap() {
            let kept = serde_json::value::to_raw_value(&question.kind.asked_with_mode()).unwrap();
            let read = Question::read(&question.key, &kept).unwrap();
            assert_eq!(read.key, question.key);
            assert_eq!(json!(read.kind.asked_with_mode()), json!(question.kind.asked_with_mode()));
        }
        let other = serde_json::value::to_raw_value(&json!({ "method": "ping", "params": {} })).unwrap();
        assert!(Question::read("x", &other).is_none());
    }

    #[test]
    fn questions_that_no_client_could_answer_are_the_plugins_fault() {
        let able = ClientCapabilities::ELICITATION_FORM;
        for bad in [
            need(vec![("a", form("{}"))]),
            need(vec![("a", form("[]"))]),
            need(vec![("", form(r#"{"type":"object","properties":{}}"#))]),
            need(vec![("a", form(r#"{"type":"object","properties":{}}"#)), ("a", InputRequest::Roots)]),
        ] {
            assert!(matches!(questions(bad, able), Err(Fault::Internal(_))));
        }
    }

    #[test]
    fn state_is_bound_to_what_the_arguments_mean() {
        let principal = Principal::anonymous();
        let bind = |arguments: &str| binding(&principal, "tools/call", "t", &serde_json::from_str(arguments).unwrap());
        let seal = crate::seal::KeyRing::ephemeral().unwrap();
        let sealed = seal.seal(b"x", &bind(r#"{"a":1,"b":[1,2]}"#), std::time::Duration::from_secs(60)).unwrap();
        assert!(seal.open(&sealed, &bind(r#"{ "b": [1, 2], "a": 1 }"#)).is_ok());
        for other in [r#"{"a":1,"b":[12]}"#, r#"{"a":1,"b":[2,1]}"#, r#"{"a":"1","b":[1,2]}"#, r#"{"a":1}"#] {
            assert!(seal.open(&sealed, &bind(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn a_round_survives_sealing() {
        let round = Round::first().next(&InputNeed { requests: vec![], state: b"state".to_vec() }).unwrap();
        let back = Round::from_bytes(&round.to_bytes()).unwrap();
        assert_eq!((back.number, back.state, back.idempotency_key), (1, b"state".to_vec(), round.idempotency_key));
        assert!(Round::from_bytes(&[1]).is_none());
        assert!(Round::from_bytes(&[1, 200, 0]).is_none());
    }
}
