//! `input_required`: what a plugin asks goes to the client with the sealed state of the call, and comes back with the
//! answers in a request of its own (MCP 2026-07-28, "Multi Round-Trip Requests").

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    mcp::{
        Core,
        call::Call,
        face::Face,
        fault::Fault,
        interact::{self, Round},
        message::Params,
    },
    sandbox::contract::InputNeed,
    seal::KeyRing,
};

/// `InputRequiredResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputRequired<'a> {
    result_type: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    input_requests: Map<String, Value>,
    request_state: String,
    #[serde(rename = "_meta")]
    meta: &'a RawValue,
}

/// Says what the plugin asks. The state is always there, even if the plugin has none of its own: it carries what must stay
/// the same over all rounds.
pub(super) fn required<'a>(
    core: &Core,
    face: &'a Face,
    method: &str,
    call: &Call,
    need: InputNeed,
) -> Result<InputRequired<'a>, Fault> {
    let (questions, next) = call.asked(need)?;
    let input_requests = questions.into_iter().map(|question| (question.key, json!(question.kind.asked_with_mode())));
    let (name, arguments) = call.wanted.identity();
    let binding = interact::binding(call.wanted.principal(), method, name, &arguments);
    let sealed = core.ring.seal(&next.to_bytes(), &binding, core.input_wait_max);
    Ok(InputRequired {
        result_type: "input_required",
        input_requests: input_requests.collect(),
        request_state: sealed.map_err(|error| Fault::Internal(error.to_string()))?,
        meta: &face.modern_meta,
    })
}

/// Takes a call up where it was left. A client that answers before it was asked, as one may that knows the tool, has no state
/// to bring.
pub(super) fn resume(ring: &KeyRing, method: &str, params: &Params<'_>, call: &mut Call) -> Result<(), Fault> {
    let responses = params.input_responses.map(interact::responses).transpose()?.unwrap_or_default();
    if let Some(sealed) = params.request_state.as_deref() {
        let (name, arguments) = call.wanted.identity();
        let binding = interact::binding(call.wanted.principal(), method, name, &arguments);
        let refused =
            |reason: &str| Fault::InvalidParams(format!("`requestState` is refused: {reason}; call again without it"));
        let bytes = ring.open(sealed, &binding).map_err(|error| refused(&error.to_string()))?;
        call.round = Round::from_bytes(&bytes).ok_or_else(|| refused("another version of this host made it"))?;
    }
    call.answered(responses);
    Ok(())
}
