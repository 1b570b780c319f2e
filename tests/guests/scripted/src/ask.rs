//! Asking the client, over as many rounds as the script has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bindings::toolyard::plugin::types::{
    CallContext, Error, FormRequest, InputNeed, InputRequest, Resumption, UrlRequest,
};

/// What to ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// The questions of each round, by their keys. A round is over when all of them are answered; those that are not are
    /// asked again.
    rounds: Vec<BTreeMap<String, Question>>,
    /// Whether to ask the last round again and again.
    #[serde(default)]
    for_ever: bool,
    /// How many bytes to have in the state beside what belongs there.
    #[serde(default)]
    ballast_bytes: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// The schema is a text, so that it may be wrong.
    Form {
        message: String,
        schema: String,
    },
    Url {
        message: String,
        url: String,
    },
    Sampling(Value),
    Roots {},
}

/// How far it got.
pub(crate) enum Asked {
    Need(InputNeed),
    /// All answers, as `answers` by their keys; how often it was `entered`; and the idempotency `keys` of all rounds.
    Enough(Value),
}

/// What goes from round to round.
#[derive(Default, Deserialize, Serialize)]
struct State {
    answers: BTreeMap<String, Value>,
    entered: u32,
    keys: Vec<String>,
    ballast: String,
}

impl Ask {
    pub(crate) fn go_on(self, context: &CallContext, resume: Option<&Resumption>) -> Result<Asked, Error> {
        let mut state = resume.map(State::of).transpose()?.unwrap_or_default();
        state.entered += 1;
        state.keys.push(context.idempotency_key.clone());
        state.ballast = "x".repeat(self.ballast_bytes);
        let last = self.rounds.len().saturating_sub(1);
        for (number, round) in self.rounds.into_iter().enumerate() {
            let again = self.for_ever && number == last;
            let missing: Vec<(String, InputRequest)> = round
                .into_iter()
                .filter(|(key, _)| again || !state.answers.contains_key(key))
                .map(|(key, question)| (key, question.into()))
                .collect();
            if !missing.is_empty() {
                let state = serde_json::to_vec(&state).map_err(|error| Error::Internal(error.to_string()))?;
                return Ok(Asked::Need(InputNeed { requests: missing, state }));
            }
        }
        let State { answers, entered, keys, .. } = state;
        Ok(Asked::Enough(json!({ "answers": answers, "entered": entered, "keys": keys })))
    }
}

impl State {
    /// The state that was kept, and what was answered since.
    fn of(resume: &Resumption) -> Result<State, Error> {
        let wrong = |error: serde_json::Error| Error::Internal(format!("what came back cannot be read: {error}"));
        let mut state = match resume.state.as_slice() {
            // The client answered before it was asked.
            [] => State::default(),
            state => serde_json::from_slice(state).map_err(wrong)?,
        };
        for (key, answer) in &resume.responses {
            state.answers.insert(key.clone(), serde_json::from_str(answer).map_err(wrong)?);
        }
        Ok(state)
    }
}

impl From<Question> for InputRequest {
    fn from(question: Question) -> Self {
        match question {
            Question::Form { message, schema } => InputRequest::Form(FormRequest { message, schema }),
            Question::Url { message, url } => InputRequest::Url(UrlRequest { message, url }),
            Question::Sampling(params) => InputRequest::Sampling(params.to_string()),
            Question::Roots {} => InputRequest::Roots,
        }
    }
}
