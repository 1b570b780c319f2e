//! Asking for input in the middle of a call.
//!
//! A plugin cannot wait for an answer: its instance ends with the question and the function is run again, from its start,
//! when the answer is there. So [`Context::ask`] returns at once where its answer is known, and otherwise with an error that
//! carries the question out of the function by way of `?`.

mod fields;
mod form;
mod roots;
mod rounds;
mod sampling;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use form::{Answer, Confirm, Form, Url};
pub use roots::{Root, Roots};
pub use sampling::{ModelPreferences, Sampled, Sampling, SamplingContent, SamplingTool, ToolChoice, ToolUse};

pub(crate) use rounds::Rounds;

use crate::bindings::toolyard::plugin::types::{InputNeed, InputRequest};
use crate::{ClientCapabilities, Context, Error, Result};

/// How much a plugin may keep from one round to the next (`input-need` in the contract).
const STATE_BYTES_MAX: usize = 16 << 10;

/// Something that can be asked: [`Form`], [`Url`], [`Confirm`], [`Sampling`], [`Roots`], or an `Option` of these, of which
/// `None` is not asked.
pub trait Question: sealed::Sealed {
    /// What comes back.
    type Answer;

    /// The question as the host takes it.
    #[doc(hidden)]
    fn request(&self) -> Result<InputRequest>;

    /// Reads an answer, a JSON object, or says why it is none.
    #[doc(hidden)]
    fn read(&self, response: &str) -> Result<Self::Answer, String>;

    /// The answer, if it is there already. Otherwise the question joins the round.
    #[doc(hidden)]
    fn find(&self, key: &str, round: &mut Round<'_>) -> Result<Option<Self::Answer>> {
        for response in round.rounds.candidates(key) {
            match self.read(&response) {
                Ok(answer) => {
                    round.rounds.keep_answer(key, response);
                    return Ok(Some(answer));
                }
                Err(reason) => crate::log::warn!("the answer to `{key}` does not fit and is asked for again: {reason}"),
            }
        }
        round.requests.push((key.to_owned(), self.request()?));
        Ok(None)
    }
}

/// Several questions for one round: a tuple of pairs of a key and a [`Question`], or a `Vec` of such pairs.
pub trait Questions: sealed::Sealed {
    /// What comes back, in the order of the questions.
    type Answers;

    /// All answers, or none while one is missing.
    #[doc(hidden)]
    fn find_all(&self, round: &mut Round<'_>) -> Result<Option<Self::Answers>>;
}

/// What is asked in one round.
#[doc(hidden)]
#[derive(Debug)]
pub struct Round<'a> {
    rounds: &'a mut Rounds,
    requests: Vec<(String, InputRequest)>,
}

/// # Asking for input
///
/// ```
/// # use toolyard_plugin::{Answer, Context, Deserialize, Form, JsonSchema, Result};
/// # use toolyard_plugin::{serde, schemars};
/// #[derive(Deserialize, JsonSchema)]
/// # #[serde(crate = "toolyard_plugin::serde")] #[schemars(crate = "toolyard_plugin::schemars")]
/// struct Person {
///     name: String,
/// }
///
/// fn greet(context: &Context) -> Result<String> {
///     match context.ask("person", Form::<Person>::new("Who are you?"))? {
///         Answer::Accepted(person) => Ok(format!("Hello, {}!", person.name)),
///         Answer::Declined | Answer::Cancelled => Ok("Hello, whoever you are!".into()),
///     }
/// }
/// ```
///
/// - **The function is run from its start in each round**, with the same arguments, maybe on another machine. What has an
///   effect belongs behind the last question; what is costly goes into [`Context::once`].
/// - **Each question has a key of its own**, the same in each round. An answer is kept until the call ends.
/// - **An answer that does not fit is asked for again.** The host ends a call that asks too often.
/// - **What the client cannot be asked ends the call**, with an error that names what it lacks. [`Context::client_can`]
///   finds out beforehand.
/// - **Answers are kept for the later rounds of the call**, together with what is [remembered](Context::remember): 16 KiB in
///   all.
impl Context {
    /// Asks one question. `key` is this question's name within the call.
    ///
    /// # Errors
    /// While the answer is not there: pass it on with `?`.
    // By value, since that is how a question reads: nobody builds one for anything else.
    #[expect(clippy::needless_pass_by_value)]
    pub fn ask<Q: Question>(&self, key: &str, question: Q) -> Result<Q::Answer> {
        self.in_a_round(|round| question.find(key, round))
    }

    /// Asks several questions in one round, so that the client can put them before its user together.
    ///
    /// ```
    /// # use toolyard_plugin::{Confirm, Context, Result, Roots, Sampling};
    /// # fn tool(context: &Context) -> Result<()> {
    /// let (haiku, roots) = context.ask_all((
    ///     ("haiku", Sampling::new("Write a haiku.")),
    ///     ("roots", Roots),
    /// ))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// While an answer is not there: pass it on with `?`.
    #[expect(clippy::needless_pass_by_value)]
    pub fn ask_all<Q: Questions>(&self, questions: Q) -> Result<Q::Answers> {
        self.in_a_round(|round| questions.find_all(round))
    }

    /// Asks the client's model: short for [`Context::ask`] with a [`Sampling`].
    ///
    /// # Errors
    /// While the answer is not there: pass it on with `?`.
    pub fn sample(&self, key: &str, request: Sampling) -> Result<Sampled> {
        self.ask(key, request)
    }

    /// Asks for the folders the client works in: short for [`Context::ask`] with [`Roots`].
    ///
    /// # Errors
    /// While the answer is not there: pass it on with `?`.
    pub fn roots(&self, key: &str) -> Result<Vec<Root>> {
        self.ask(key, Roots)
    }

    /// Whether the client can be asked all of this.
    pub fn client_can(&self, capabilities: ClientCapabilities) -> bool {
        self.client.capabilities.contains(capabilities)
    }

    /// Ends the call unless the client can be asked all of this, for tools that know from the start that they will.
    ///
    /// # Errors
    /// Where it cannot: pass it on with `?`. The client is told what it lacks.
    pub fn require(&self, capabilities: ClientCapabilities) -> Result<()> {
        // The host says what is missing, in the words of the client's protocol, when it is asked for it.
        let missing = capabilities - self.client.capabilities;
        let asking = |capability| missing.contains(capability);
        self.in_a_round(|round| {
            let ask = |key: &str, request| (key.to_owned(), request);
            if asking(ClientCapabilities::ELICITATION_FORM) {
                round.requests.push(ask("form", Confirm::new("").request()?));
            }
            if asking(ClientCapabilities::ELICITATION_URL) {
                round.requests.push(ask("url", Url::new("", "https://example.com/").request()?));
            }
            if asking(ClientCapabilities::SAMPLING) {
                round.requests.push(ask("sampling", Sampling::new("").request()?));
            }
            if asking(ClientCapabilities::SAMPLING_TOOLS) {
                round.requests.push(ask("tools", Sampling::new("").tool_choice(ToolChoice::None).request()?));
            }
            if asking(ClientCapabilities::ROOTS) {
                round.requests.push(ask("roots", InputRequest::Roots));
            }
            Ok(Some(()))
        })
    }

    /// Keeps a value for the later rounds of this call, in place of what was kept under this key.
    ///
    /// # Errors
    /// Where it cannot be said in JSON.
    pub fn remember(&self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<()> {
        let value = serde_json::to_string(value)
            .map_err(|error| Error::internal(format_args!("`{key}` cannot be remembered: {error}")))?;
        self.rounds.borrow_mut().keep_memory(key, value);
        Ok(())
    }

    /// What was kept under this key, in this round or an earlier one. `None` where it is of another type, too.
    pub fn recall<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.rounds.borrow_mut().memory(key)?;
        serde_json::from_str(&value).ok()
    }

    /// Does something in one round only, and remembers what came out of it for the later ones.
    ///
    /// # Errors
    /// Those of `work`, which is then done again in the next round, and where its value cannot be said in JSON.
    pub fn once<T: Serialize + DeserializeOwned>(&self, key: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(value) = self.recall(key) {
            return Ok(value);
        }
        let value = work()?;
        self.remember(key, &value)?;
        Ok(value)
    }

    fn in_a_round<T>(&self, find: impl FnOnce(&mut Round<'_>) -> Result<Option<T>>) -> Result<T> {
        let mut rounds = self.rounds.borrow_mut();
        let mut round = Round { rounds: &mut rounds, requests: Vec::new() };
        let found = find(&mut round)?;
        let requests = round.requests;
        match found {
            Some(answer) if requests.is_empty() => Ok(answer),
            _ => Err(need(requests, rounds.state())),
        }
    }
}

fn need(requests: Vec<(String, InputRequest)>, state: Vec<u8>) -> Error {
    if state.len() > STATE_BYTES_MAX {
        return Error::internal(format_args!(
            "the answers so far and what is to be remembered take {} bytes, and {STATE_BYTES_MAX} can be kept for the next round",
            state.len()
        ));
    }
    Error::NeedInput(Box::new(InputNeed { requests, state }))
}

impl<Q: Question> sealed::Sealed for Option<Q> {}

impl<Q: Question> Question for Option<Q> {
    type Answer = Option<Q::Answer>;

    fn request(&self) -> Result<InputRequest> {
        match self {
            Some(question) => question.request(),
            None => Err(Error::internal("there is no question")),
        }
    }

    fn read(&self, response: &str) -> Result<Self::Answer, String> {
        self.as_ref().map(|question| question.read(response)).transpose()
    }

    fn find(&self, key: &str, round: &mut Round<'_>) -> Result<Option<Self::Answer>> {
        match self {
            Some(question) => Ok(question.find(key, round)?.map(Some)),
            None => Ok(Some(None)),
        }
    }
}

impl<K: AsRef<str>, Q: Question> sealed::Sealed for Vec<(K, Q)> {}

impl<K: AsRef<str>, Q: Question> Questions for Vec<(K, Q)> {
    type Answers = Vec<Q::Answer>;

    fn find_all(&self, round: &mut Round<'_>) -> Result<Option<Self::Answers>> {
        // All of them, though one is missing: the others are then asked in the same round.
        let found = self.iter().map(|(key, question)| question.find(key.as_ref(), round));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().collect())
    }
}

macro_rules! tuples_of_questions {
    ($(($($key:ident $question:ident $index:tt)+))*) => {$(
        impl<$($key: AsRef<str>, $question: Question),+> sealed::Sealed for ($(($key, $question),)+) {}

        impl<$($key: AsRef<str>, $question: Question),+> Questions for ($(($key, $question),)+) {
            type Answers = ($($question::Answer,)+);

            fn find_all(&self, round: &mut Round<'_>) -> Result<Option<Self::Answers>> {
                let found = ($(self.$index.1.find(self.$index.0.as_ref(), round)?,)+);
                Ok((|| Some(($(found.$index?,)+)))())
            }
        }
    )*};
}

tuples_of_questions! {
    (K0 Q0 0 K1 Q1 1)
    (K0 Q0 0 K1 Q1 1 K2 Q2 2)
    (K0 Q0 0 K1 Q1 1 K2 Q2 2 K3 Q3 3)
    (K0 Q0 0 K1 Q1 1 K2 Q2 2 K3 Q3 3 K4 Q4 4)
    (K0 Q0 0 K1 Q1 1 K2 Q2 2 K3 Q3 3 K4 Q4 4 K5 Q5 5)
}

/// What can be asked is for the protocol to say.
mod sealed {
    pub trait Sealed {}
}
