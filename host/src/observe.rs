//! Looking on while guests are called, as `toolyard dev` does.
//!
//! A call that is looked on at carries who looks along, whichever thread it runs on, so that every module can tell what happens
//! in it. Nobody pays for it where nobody looks on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task_local};

/// Things seen that wait to be looked at. Beyond it they are missed, and no call waits.
const WAITING_MAX: usize = 4096;

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

/// What was seen in one call; calls count from 1.
pub type Sight = (u64, Seen);

/// Whoever looks on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    sender: mpsc::Sender<Sight>,
    calls: Arc<AtomicU64>,
}

/// One call that is looked on at.
#[derive(Debug)]
struct Looking {
    call: u64,
    sender: mpsc::Sender<Sight>,
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
        let looking = Looking { call: number, sender: self.sender.clone() };
        looking.say(begun);
        let mut end =
            End { call: number, sender: self.sender.clone(), start: Instant::now(), how: Some(Ended::Dropped) };
        let done = LOOKING.scope(looking, call).await;
        end.how = Some(ended(&done));
        done
    }
}

impl Looking {
    fn say(&self, seen: Seen) {
        let _ = self.sender.try_send((self.call, seen));
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

/// Tells whoever looks on at the call that this is part of.
pub fn say(seen: impl FnOnce() -> Seen) {
    let _ = LOOKING.try_with(|looking| looking.say(seen()));
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
}
