//! JSON-RPC batches, which 2025-03-26 has and no other revision: an array of messages, answered by an array of responses.

use futures_util::future::join_all;
use serde_json::value::RawValue;

use super::{LegacyVersion, session_of};
use crate::mcp::{
    Answer, Era, Refusal, Rejection, Request, Server, Via,
    counted::Asked,
    fault::Fault,
    message::{Kind, Message},
    recorded,
};

/// Messages in one batch: each may be a call.
const MESSAGES_MAX: usize = 50;

/// Answers a batch. Each message is answered as if it stood alone, all at once, in order; as there is one answer to all,
/// nothing can be said in between, and no client can be asked anything.
pub(in crate::mcp) async fn answer(server: &Server, request: Request<'_>, text: &str) -> Result<Answer, Refusal> {
    let version = LegacyVersion::V2025_03_26;
    let refuse = |fault| Refusal { era: Some(Era::Legacy(version)), rejection: Rejection { id: None, fault } };
    let messages: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| refuse(Fault::Parse(format!("the body is not JSON: {error}"))))?;
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        return Err(refuse(Fault::InvalidRequest(format!("a batch holds 1 to {MESSAGES_MAX} messages"))));
    }
    let session = session_of(server, &request).map_err(refuse)?;
    if session.is_some_and(|session| session.version != version) {
        return Err(refuse(Fault::InvalidRequest("a batch is not accepted here: send one message at a time".into())));
    }
    let answers = messages.into_iter().map(|message| one(server, &request, version, message.get()));
    let responses: Vec<Vec<u8>> = join_all(answers).await.into_iter().flatten().collect();
    if responses.is_empty() {
        return Ok(Answer::Accepted);
    }
    let mut body = vec![b'['];
    body.extend(responses.join(&b','));
    body.push(b']');
    Ok(Answer::Message(body))
}

async fn one(server: &Server, request: &Request<'_>, version: LegacyVersion, text: &str) -> Option<Vec<u8>> {
    let era = Some(Era::Legacy(version));
    let message = match Message::parse(text) {
        Ok(message) => message,
        Err(rejection) => return Some(rejection.render(era)),
    };
    if message.method() == Some("initialize") {
        let id = if let Kind::Request { id, .. } = message.kind { Some(id) } else { None };
        return Some(
            Rejection { id, fault: Fault::InvalidRequest("`initialize` must stand alone".into()) }.render(era),
        );
    }
    let via = match &request.via {
        Via::Http { headers, .. } => Via::Http { headers, takes_events: false },
        Via::Stdio(connection) => Via::Stdio(connection),
    };
    let visitor = request.visitor.clone();
    let mut request = Request { via, visitor: visitor.clone(), trace: request.trace.clone() };
    let asked = Asked::new(server.tracer(), &mut request, Era::Legacy(version), &message);
    let answer = Box::pin(super::answer(server, version, request, message)).await;
    asked.answered(answer.as_ref());
    match answer {
        Ok(Answer::Message(message)) => Some(message),
        // Without events there are no other answers.
        Ok(_) => None,
        Err(rejection) => {
            recorded::refused(&visitor, text.as_bytes(), &rejection.fault);
            Some(rejection.render(era))
        }
    }
}
