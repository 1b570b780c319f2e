//! What a tool is told about the call it serves, and what it can say meanwhile.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::ask::Rounds;
use crate::bindings::toolyard::plugin::changes::Listing;
use crate::bindings::toolyard::plugin::types::{CallContext, Resumption};
use crate::host;

/// The call that is being served. A function that wants it takes a parameter of type `&Context`, at any place.
///
/// Its fields are those of the contract's [`CallContext`]: `tenant`, `subject`, `scopes`, `client`, `deadline_ms`,
/// `attempt`, `idempotency_key`, `wants_progress`, `trace` and `meta`.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    call: CallContext,
    /// One for all clones, since what one of them remembers the others know.
    pub(crate) rounds: Rc<RefCell<Rounds>>,
}

impl Context {
    /// Tells the caller that `done` of `total` is done, in a unit of your choosing, and what is going on now. Never waits,
    /// never fails, and costs nothing when nobody listens.
    pub fn progress(&self, done: impl Amount, total: impl Amount, message: &str) {
        self.report(done.amount(), Some(total.amount()), message);
    }

    /// Like [`Context::progress`], where nobody knows how much there is to do.
    pub fn progress_of_unknown(&self, done: impl Amount, message: &str) {
        self.report(done.amount(), None, message);
    }

    /// When the host will stop this call.
    pub fn deadline(&self) -> SystemTime {
        // A deadline beyond what the clock can say is as good as none.
        let deadline = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.call.deadline_ms));
        deadline.unwrap_or_else(|| SystemTime::now() + Duration::from_secs(u32::MAX.into()))
    }

    /// How long this call may still take. Zero when its time is up.
    pub fn time_left(&self) -> Duration {
        self.deadline().duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// Whether the caller was granted `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.call.scopes.iter().any(|granted| granted == scope)
    }

    /// Tells clients that asked for it to fetch the list of tools again.
    pub fn tools_changed(&self) {
        host::list_changed(Listing::Tools);
    }

    /// Tells clients that asked for it to fetch the list of prompts again.
    pub fn prompts_changed(&self) {
        host::list_changed(Listing::Prompts);
    }

    /// Tells clients that asked for it to fetch the list of resources again.
    pub fn resources_changed(&self) {
        host::list_changed(Listing::Resources);
    }

    /// Tells clients that subscribed to `uri`, which is one of this plugin's, to read it again.
    pub fn resource_updated(&self, uri: &str) {
        host::resource_updated(uri);
    }

    pub(crate) fn resumed(call: CallContext, resume: Option<Resumption>) -> Self {
        Self { call, rounds: Rc::new(RefCell::new(Rounds::new(resume))) }
    }

    fn report(&self, done: f64, total: Option<f64>, message: &str) {
        if self.call.wants_progress {
            host::report(done, total, (!message.is_empty()).then_some(message));
        }
    }
}

impl Deref for Context {
    type Target = CallContext;

    fn deref(&self) -> &CallContext {
        &self.call
    }
}

impl From<CallContext> for Context {
    fn from(call: CallContext) -> Self {
        Self::resumed(call, None)
    }
}

/// A number that says how far something has come.
pub trait Amount {
    /// As the contract has it. Exact up to 2^53.
    fn amount(self) -> f64;
}

macro_rules! amounts {
    ($($number:ty)*) => {
        $(impl Amount for $number {
            fn amount(self) -> f64 {
                self as f64
            }
        })*
    };
}

amounts!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);
