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

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use crate::bindings::toolyard::plugin::types::CallContext;
use crate::log::Level;
use crate::{Client, ClientCapabilities, Context};

/// What a plugin told its host.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Told {
    /// What was done, of how much, and what was said about it.
    pub progress: Vec<(f64, Option<f64>, Option<String>)>,
    /// How serious, from where, and what.
    pub logs: Vec<(Level, String, String)>,
}

thread_local! {
    static TOLD: RefCell<Told> = RefCell::default();
}

/// A call such as a host without tenants and authentication makes, with 30 seconds to go and somebody who listens to its
/// progress. Change what a test needs otherwise in [`call_context`] and turn that into a [`Context`].
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
        client: Client { name: None, version: None, capabilities: ClientCapabilities::empty() },
        deadline_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        attempt: 1,
        idempotency_key: "test".into(),
        wants_progress: true,
        trace: None,
        meta: None,
    }
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
