//! Testing a plugin without a host: `cargo test` runs it natively, and what it tells the host is kept here.
//!
//! ```
//! # #[toolyard_plugin::plugin] mod hello { pub fn greet(name: String) -> String { format!("Hello, {name}!") } }
//! use toolyard_plugin::testing;
//!
//! let result = hello::PLUGIN.call("greet", r#"{"name": "Ada"}"#, &testing::context())?;
//! assert_eq!(result, "Hello, Ada!".into());
//! # Ok::<(), toolyard_plugin::Error>(())
//! ```
//!
//! A function that [asks](Context::ask) is run again with the answers, as the host would:
//!
//! ```
//! # #[toolyard_plugin::plugin] mod hello {
//! #     use toolyard_plugin::{Confirm, Context, Result};
//! #     pub fn delete(context: &Context) -> Result<String> {
//! #         Ok(context.ask("sure", Confirm::new("Delete it?"))?.action().into())
//! #     }
//! # }
//! use toolyard_plugin::{json, testing};
//!
//! let mut asked = Vec::new();
//! let result = testing::converse(|context| hello::PLUGIN.call("delete", "{}", context), |key, request| {
//!     asked.push(key.to_owned());
//!     Some(testing::accept(json!({})))
//! });
//! assert_eq!((result?, asked), ("accept".into(), vec!["sure".to_owned()]));
//! # Ok::<(), toolyard_plugin::Error>(())
//! ```

pub(crate) mod grants;
pub(crate) mod keyvalue;

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

pub use self::grants::Grants;
pub use crate::bindings::toolyard::plugin::changes::Listing;
use crate::bindings::toolyard::plugin::types::{CallContext, Resumption};
use crate::log::Level;
use crate::{Client, ClientCapabilities, Context, Error, InputNeed, InputRequest, Result};

/// What a plugin told its host.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Told {
    /// What was done, of how much, and what was said about it.
    pub progress: Vec<(f64, Option<f64>, Option<String>)>,
    /// How serious, from where, and what.
    pub logs: Vec<(Level, String, String)>,
    /// What is not as it was.
    pub changes: Vec<Change>,
}

/// Something that clients are told to fetch again.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A list.
    List(Listing),
    /// The resource at this URI.
    Resource(String),
}

thread_local! {
    static TOLD: RefCell<Told> = RefCell::default();
}

/// A call such as a host without tenants and authentication makes, with 30 seconds to go and somebody who listens to its
/// progress and can be asked everything. Change what a test needs otherwise in [`call_context`] and turn that into a [`Context`].
pub fn context() -> Context {
    call_context().into()
}

/// The parts of [`context`].
pub fn call_context() -> CallContext {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    CallContext {
        tenant: "default".into(),
        subject: "anonymous".into(),
        scopes: Vec::new(),
        client: Client { name: None, version: None, capabilities: ClientCapabilities::all() },
        deadline_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        attempt: 1,
        idempotency_key: "test".into(),
        wants_progress: true,
        trace: None,
        meta: None,
    }
}

/// The round after a plugin asked for `need`, and these answers came, by key.
pub fn resumed<'a>(need: &InputNeed, answers: impl IntoIterator<Item = (&'a str, Value)>) -> Context {
    let responses = answers.into_iter().map(|(key, answer)| (key.to_owned(), answer.to_string())).collect();
    Context::resumed(call_context(), Some(Resumption { responses, state: need.state.clone() }))
}

/// Runs `call` as often as it asks for something, with what `answer` says to each question. `None` leaves a question without an
/// answer in that round.
///
/// # Errors
/// Those of the call, and where 32 rounds were not enough for it, as the host has it.
pub fn converse<R>(
    call: impl Fn(&Context) -> Result<R>,
    mut answer: impl FnMut(&str, &InputRequest) -> Option<Value>,
) -> Result<R> {
    let mut outcome = call(&context());
    for _ in 0..32 {
        let Err(Error::NeedInput(need)) = &outcome else { return outcome };
        let answers: Vec<(&str, Value)> = need
            .requests
            .iter()
            .filter_map(|(key, request)| answer(key, request).map(|answer| (key.as_str(), answer)))
            .collect();
        outcome = call(&resumed(need, answers));
    }
    Err(Error::internal("the plugin asked for input more than 32 times"))
}

/// The user fills the form in with this, or goes to the page.
#[expect(clippy::needless_pass_by_value, reason = "made in place, with `json!`")]
pub fn accept(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

/// The user says no.
pub fn decline() -> Value {
    json!({ "action": "decline" })
}

/// The user goes away without saying.
pub fn cancel() -> Value {
    json!({ "action": "cancel" })
}

/// The client's model says this.
pub fn sampled(text: &str) -> Value {
    json!({
        "role": "assistant",
        "content": { "type": "text", "text": text },
        "model": "test",
        "stopReason": "endTurn",
    })
}

/// The client works in these folders.
pub fn roots<'a>(uris: impl IntoIterator<Item = &'a str>) -> Value {
    let roots: Vec<Value> = uris.into_iter().map(|uri| json!({ "uri": uri })).collect();
    json!({ "roots": roots })
}

/// Runs `work`, and gives back what it told the host on this thread beside its result.
pub fn listen<R>(work: impl FnOnce() -> R) -> (R, Told) {
    TOLD.take();
    let result = work();
    (result, TOLD.take())
}

pub(crate) fn note_progress(done: f64, total: Option<f64>, message: Option<&str>) {
    TOLD.with_borrow_mut(|told| told.progress.push((done, total, message.map(str::to_owned))));
}

pub(crate) fn note_log(level: Level, context: &str, message: String) {
    TOLD.with_borrow_mut(|told| told.logs.push((level, context.to_owned(), message)));
}

pub(crate) fn note_change(change: Change) {
    TOLD.with_borrow_mut(|told| told.changes.push(change));
}
