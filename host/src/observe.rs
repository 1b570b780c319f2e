//! Looking on while guests are called, as `toolyard dev` does.
//!
//! A call that is looked on at carries who looks along, whichever thread it runs on, so that every module can tell what happens
//! in it. Nobody pays for it where nobody looks on.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{sync::mpsc, task_local};

/// Things seen that wait to be looked at. Beyond it they are missed, and no call waits.
const WAITING_MAX: usize = 4096;

/// Different effects of one call that are remembered. Of those beyond, only how many they were.
const EFFECTS_MAX: usize = 64;

/// What is repeated of all that a guest said.
const HEARD_CHARS_MAX: usize = 400;

/// What is remembered of a name that the guest chose.
const NAME_CHARS_MAX: usize = 256;

task_local! {
    static LOOKING: Looking;
}

/// Something seen in a call. Texts are the guest's or the caller's own, and not safe to print as they are.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// It begins: what is called, and with what.
    Begun {
        what: String,
        arguments: String,
        client: Option<String>,
    },
    Progress {
        progress: f64,
        total: Option<f64>,
        message: Option<String>,
    },
    /// A line of the guest's log.
    Log {
        level: &'static str,
        message: String,
    },
    /// A line that the guest wrote to `stdout` or `stderr`.
    Output {
        stream: &'static str,
        line: String,
    },
    /// It tried what was not granted: the part of its grants, and what that would have to say.
    Refused {
        grant: &'static str,
        missing: String,
    },
    /// It touched something outside.
    Touched(Effect),
    /// Why it trapped or broke its word: for the plugin's author.
    Broke {
        why: String,
    },
    /// It ended.
    Ended {
        how: Ended,
        took: Duration,
    },
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With an answer, as the protocol's result object.
    Answered(String),
    /// With questions to the user, after whose answers it is called again.
    Asked(usize),
    /// With an error of the protocol's.
    Fault(String),
    /// Nobody waits for it any more.
    Dropped,
}

/// Something that a call did outside of its guest. Names of files and keys are the guest's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// It sent a request there.
    Http {
        method: String,
        host: String,
        port: u16,
        tls: bool,
        /// Whether the host was there to take it.
        connected: bool,
    },
    /// It connected to that address.
    Tcp { address: String },
    /// It did something with a file, by the path that the guest has for it.
    File { how: &'static str, path: String },
    /// It did something with a key.
    Key { how: &'static str, name: String },
    /// A secret was given away for it, or to it.
    Secret { name: String },
    /// It tried what was not granted.
    Refused { grant: &'static str, missing: String },
}

impl Effect {
    /// Something done with a file.
    pub fn file(how: &'static str, path: &str) -> Self {
        Self::File { how, path: cut(path) }
    }

    /// Something done with a key.
    pub fn key(how: &'static str, name: &str) -> Self {
        Self::Key { how, name: cut(name) }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { method, host, port, connected, .. } => {
                let how = if *connected { "" } else { ", which could not be reached" };
                write!(f, "{method} to {host}:{port}{how}")
            }
            Self::Tcp { address } => write!(f, "TCP to {address}"),
            Self::File { how, path } => write!(f, "{how} file {path}"),
            Self::Key { how, name } => write!(f, "{how} key {name}"),
            Self::Secret { name } => write!(f, "used secret {name}"),
            Self::Refused { grant, missing } => write!(f, "refused {missing} ({grant})"),
        }
    }
}

/// What a call did outside of its guest, each once, with how often.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Effects {
    #[serde(rename = "effects", skip_serializing_if = "Vec::is_empty")]
    list: Vec<Done>,
    /// Effects that are not in the list.
    #[serde(rename = "effects_more", skip_serializing_if = "is_zero")]
    more: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Done {
    #[serde(flatten)]
    effect: Effect,
    times: u64,
}

/// Where the effects of one call are collected. Clones share them.
#[derive(Debug, Default, Clone)]
pub struct Collector(Arc<Mutex<Effects>>);

/// Who looks on at a call, to be told from another task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Along(Looking);

/// What was seen in one call; calls count from 1.
pub type Sight = (u64, Seen);

/// Whoever looks on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    sender: mpsc::Sender<Sight>,
    calls: Arc<AtomicU64>,
}

/// One call that is looked on at.
#[derive(Debug, Clone, Default)]
struct Looking {
    /// The observer, and what it knows the call by.
    observer: Option<(u64, mpsc::Sender<Sight>)>,
    collector: Option<Collector>,
}

impl Observer {
    /// An observer, and what it will see.
    pub fn new() -> (Self, mpsc::Receiver<Sight>) {
        let (sender, sights) = mpsc::channel(WAITING_MAX);
        (Self { sender, calls: Arc::default() }, sights)
    }

    /// Looks on while `call` runs, which begins with `begun` and, where it comes to its end, ends as `ended` says.
    pub async fn during<T>(&self, begun: Seen, call: impl Future<Output = T>, ended: impl FnOnce(&T) -> Ended) -> T {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let collector = LOOKING.try_with(|looking| looking.collector.clone()).ok().flatten();
        let looking = Looking { observer: Some((number, self.sender.clone())), collector };
        looking.say(|| begun);
        let mut end =
            End { call: number, sender: self.sender.clone(), start: Instant::now(), how: Some(Ended::Dropped) };
        let done = LOOKING.scope(looking, call).await;
        end.how = Some(ended(&done));
        done
    }
}

impl Collector {
    /// Collects while `call` runs.
    pub async fn during<T>(&self, call: impl Future<Output = T>) -> T {
        LOOKING.scope(Looking { observer: None, collector: Some(self.clone()) }, call).await
    }

    /// What was collected so far.
    pub fn effects(&self) -> Effects {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, effect: Effect) {
        let mut effects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = effects.list.iter_mut().find(|done| done.effect == effect) {
            done.times += 1;
        } else if effects.list.len() < EFFECTS_MAX {
            effects.list.push(Done { effect, times: 1 });
        } else {
            effects.more += 1;
        }
    }
}

impl Along {
    /// Tells what the call did outside of its guest.
    pub fn touched(&self, effect: Effect) {
        self.0.touched(effect);
    }
}

impl Looking {
    fn say(&self, seen: impl FnOnce() -> Seen) {
        if let Some((call, sender)) = &self.observer {
            let _ = sender.try_send((*call, seen()));
        }
    }

    fn touched(&self, effect: Effect) {
        if let Some(collector) = &self.collector {
            collector.add(effect.clone());
        }
        // It hears of refusals in words of their own.
        if !matches!(effect, Effect::Refused { .. }) {
            self.say(|| Seen::Touched(effect));
        }
    }
}

/// Tells of a call's end, also if it is dropped before.
struct End {
    call: u64,
    sender: mpsc::Sender<Sight>,
    start: Instant,
    how: Option<Ended>,
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(how) = self.how.take() {
            let _ = self.sender.try_send((self.call, Seen::Ended { how, took: self.start.elapsed() }));
        }
    }
}

/// Does something with a guest outside of calls, and gives what it said of errors meanwhile, in one line that is safe to print.
/// Empty where it said nothing.
pub async fn hearing<T>(work: impl Future<Output = T>) -> (T, String) {
    let (sender, mut sights) = mpsc::channel(WAITING_MAX);
    let done = LOOKING.scope(Looking { observer: Some((0, sender)), collector: None }, work).await;
    let mut said = Vec::new();
    while let Ok((_, seen)) = sights.try_recv() {
        match seen {
            Seen::Log { level: "error" | "critical", message } => said.push(message),
            Seen::Output { stream: "stderr", line } => said.push(line),
            _ => {}
        }
    }
    let said = said.join(" ").replace(char::is_control, " ");
    (done, said.chars().take(HEARD_CHARS_MAX).collect())
}

/// Tells whoever looks on at the call that this is part of.
pub fn say(seen: impl FnOnce() -> Seen) {
    let _ = LOOKING.try_with(|looking| looking.say(seen));
}

/// Tells whoever looks on what the call that this is part of did outside of its guest.
pub fn touched(effect: impl FnOnce() -> Effect) {
    let _ = LOOKING.try_with(|looking| looking.touched(effect()));
}

/// Whoever looks on at the call that this is part of, for what goes on in another task.
pub fn along() -> Option<Along> {
    LOOKING.try_with(|looking| Along(looking.clone())).ok()
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_happens_in_a_call_is_seen() {
        let (observer, mut sights) = Observer::new();
        let begun = || Seen::Begun { what: "greet".into(), arguments: "{}".into(), client: None };
        let line = |line: &str| Seen::Output { stream: "stdout", line: line.into() };
        say(|| unreachable!("nobody looks on"));
        let call = async {
            say(|| line("one"));
            tokio::task::yield_now().await;
            say(|| line("two"));
            7
        };
        let done = observer.during(begun(), call, |done| Ended::Asked(*done)).await;
        assert_eq!(done, 7);
        let dropped = observer.during(begun(), std::future::pending::<()>(), |()| unreachable!());
        let _ = tokio::time::timeout(Duration::ZERO, dropped).await;
        drop(observer);

        let mut seen = Vec::new();
        while let Some((call, sight)) = sights.recv().await {
            seen.push(match sight {
                Seen::Begun { what, .. } => format!("{call} {what}"),
                Seen::Output { line, .. } => format!("{call} {line}"),
                Seen::Ended { how, .. } => format!("{call} {how:?}"),
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(seen, ["1 greet", "1 one", "1 two", "1 Asked(7)", "2 greet", "2 Dropped"]);
    }

    #[tokio::test]
    async fn effects_are_collected_wherever_they_happen() {
        let (observer, mut sights) = Observer::new();
        let collector = Collector::default();
        touched(|| unreachable!("nobody looks on"));
        assert!(along().is_none());
        let call = async {
            touched(|| Effect::key("read", "k"));
            let along = along().expect("somebody looks on");
            let other = tokio::spawn(async move { along.touched(Effect::key("read", "k")) });
            other.await.expect("it does not panic");
            touched(|| Effect::Refused { grant: "tcp", missing: "here:1".into() });
        };
        let begun = Seen::Begun { what: "greet".into(), arguments: "{}".into(), client: None };
        collector.during(observer.during(begun, call, |()| Ended::Asked(0))).await;
        let effects = serde_json::to_value(collector.effects()).unwrap();
        let expected = serde_json::json!({ "effects": [
            { "effect": "key", "how": "read", "name": "k", "times": 2 },
            { "effect": "refused", "grant": "tcp", "missing": "here:1", "times": 1 },
        ] });
        assert_eq!(effects, expected);
        drop(observer);
        let mut touches = 0;
        while let Some((_, sight)) = sights.recv().await {
            touches += usize::from(matches!(sight, Seen::Touched(_)));
        }
        assert_eq!(touches, 2);
    }

    #[tokio::test]
    async fn what_is_heard_outside_of_a_call_are_errors_in_one_line() {
        let log = |level, message: &str| Seen::Log { level, message: message.into() };
        let loaded = hearing(async {
            say(|| log("info", "begun"));
            say(|| log("error", "no\nschema\u{1b}[2J"));
            say(|| Seen::Output { stream: "stderr", line: "panicked".into() });
            7
        });
        assert_eq!(loaded.await, (7, "no schema [2J panicked".to_owned()));
        let (_, said) = hearing(async { say(|| log("critical", &"ä".repeat(1000))) }).await;
        assert_eq!(said.chars().count(), HEARD_CHARS_MAX);
    }

    #[tokio::test]
    async fn a_call_has_so_many_effects_and_no_more() {
        let collector = Collector::default();
        let many = async {
            for key in 0..100 {
                touched(|| Effect::key("write", &format!("{key}")));
            }
        };
        collector.during(many).await;
        let effects = collector.effects();
        assert_eq!((effects.list.len(), effects.more), (EFFECTS_MAX, 36));
    }
}
