//! A listener that hears of some tasks and sessions, and nothing of all the others.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    select,
    sync::{
        Notify,
        broadcast::{Receiver, error::RecvError},
    },
};

use super::{Signal, WAITING_MAX};

/// Who wants to hear of which task or session, by its id.
#[derive(Default)]
pub(super) struct Wants(Mutex<HashMap<String, Vec<Arc<Heard>>>>);

/// What a listener wanted to hear, and has not taken yet.
#[derive(Default)]
struct Heard {
    waiting: Mutex<VecDeque<Signal>>,
    woken: Notify,
}

/// Hears what concerns everybody, and what it wants.
pub struct Listener {
    common: Receiver<Signal>,
    heard: Arc<Heard>,
    wanted: BTreeSet<String>,
    wants: Arc<Wants>,
}

impl Wants {
    pub(super) fn tell(&self, about: &str, signal: &Signal) {
        for heard in self.lock().get(about).into_iter().flatten() {
            heard.hear(signal);
        }
    }

    fn add(&self, about: &str, heard: &Arc<Heard>) {
        self.lock().entry(about.to_owned()).or_default().push(Arc::clone(heard));
    }

    fn remove(&self, about: &str, heard: &Arc<Heard>) {
        let mut all = self.lock();
        if let Some(listeners) = all.get_mut(about) {
            listeners.retain(|other| !Arc::ptr_eq(other, heard));
            if listeners.is_empty() {
                all.remove(about);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Heard>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wants")
    }
}

impl Heard {
    fn hear(&self, signal: &Signal) {
        let mut waiting = self.lock();
        if waiting.len() >= WAITING_MAX {
            // As good as all of it, and short.
            *waiting = VecDeque::from([Signal::Missed]);
        } else if waiting.back() != Some(signal) {
            waiting.push_back(signal.clone());
        }
        drop(waiting);
        self.woken.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Signal>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    pub(super) fn new(common: Receiver<Signal>, wants: Arc<Wants>) -> Self {
        Self { common, heard: Arc::default(), wanted: BTreeSet::new(), wants }
    }

    /// Hears of the task or session of that id from now on.
    pub fn want(&mut self, about: &str) {
        if self.wanted.insert(about.to_owned()) {
            self.wants.add(about, &self.heard);
        }
    }

    /// Hears from now on only of those, of all it wanted, for which `still` holds.
    pub fn want_only(&mut self, still: impl Fn(&str) -> bool) {
        let (wants, heard) = (&self.wants, &self.heard);
        self.wanted.retain(|about| {
            let stays = still(about);
            if !stays {
                wants.remove(about, heard);
            }
            stays
        });
    }

    /// The next signal. May be dropped and called again.
    pub async fn recv(&mut self) -> Result<Signal, RecvError> {
        loop {
            let next = self.heard.lock().pop_front();
            if let Some(signal) = next {
                return Ok(signal);
            }
            select! {
                biased;
                // What was heard since the look above has left a permit.
                () = self.heard.woken.notified() => {}
                signal = self.common.recv() => return signal,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.want_only(|_| false);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::*;

    fn task(id: &str) -> Signal {
        Signal::TaskChanged { id: id.to_owned() }
    }

    fn heard(listener: &mut Listener) -> Vec<Signal> {
        std::iter::from_fn(|| listener.recv().now_or_never()?.ok()).collect()
    }

    #[test]
    fn a_listener_hears_what_it_wants_and_what_concerns_all() {
        let signals = Signals::new();
        let (mut one, mut two) = (signals.listener(), signals.listener());
        one.want("a");
        one.want("a");
        two.want("s");
        signals.send(task("a"));
        signals.send(task("b"));
        signals.repeat(Signal::SessionTask { session: "s".into(), id: "b".into() });
        signals.send(Signal::TasksDue);
        signals.send(Signal::Missed);
        assert_eq!(heard(&mut one), [task("a"), Signal::Missed]);
        let begun = Signal::SessionTask { session: "s".into(), id: "b".into() };
        assert_eq!(heard(&mut two), [begun, Signal::Missed]);
    }

    #[test]
    fn who_hears_everything_still_does() {
        let signals = Signals::new();
        let mut all = signals.listen();
        signals.send(task("a"));
        signals.repeat(Signal::TasksDue);
        assert_eq!((all.try_recv(), all.try_recv()), (Ok(task("a")), Ok(Signal::TasksDue)));
    }

    #[test]
    fn nothing_stays_of_what_is_wanted_no_more() {
        let signals = Signals::new();
        let (mut one, mut two) = (signals.listener(), signals.listener());
        ["a", "b", "c"].into_iter().for_each(|id| one.want(id));
        two.want("a");
        one.want_only(|id| id == "b");
        ["a", "b", "c"].into_iter().for_each(|id| signals.send(task(id)));
        assert_eq!((heard(&mut one), heard(&mut two)), (vec![task("b")], vec![task("a")]));
        drop((one, two));
        assert!(signals.wants.lock().is_empty());
    }

    #[test]
    fn who_is_too_slow_looks_at_everything_anew() {
        let signals = Signals::new();
        let mut slow = signals.listener();
        slow.want("a");
        slow.want("b");
        signals.send(task("a"));
        signals.send(task("a"));
        assert_eq!(heard(&mut slow), [task("a")], "twice is once");
        for _ in 0..WAITING_MAX {
            signals.send(task("a"));
            signals.send(task("b"));
        }
        let heard = heard(&mut slow);
        assert!(heard.len() <= WAITING_MAX && heard.contains(&Signal::Missed), "{}", heard.len());
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let signals = Signals::new();
        let mut listener = signals.listener();
        listener.want("a");
        let (heard, ()) = tokio::join!(listener.recv(), async { signals.send(task("a")) });
        assert_eq!(heard, Ok(task("a")));
    }
}
