//! A store that all hosts share, at the other end of a network: strongly consistent, and each write is held against what must
//! never be. What the network does: it delays, it loses requests and answers, it cuts single hosts off, and a write may be
//! made long after its sender gave up.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    select,
    sync::{broadcast, oneshot},
};

use super::{
    OPEN_MAX, RULES,
    executor::{Executor, Owner},
};
use crate::{
    store::{Change, Heard, Kept, Record, Room, Store, StoreError, Stored, Swapped, Usage, Write, Wrote},
    tasks::{State, Task},
};

/// Virtual time begins here, in milliseconds since 1970.
pub(super) const BEGINNING_MS: u64 = 1_800_000_000_000;

/// How long a host waits for the store: at times longer than any lease lasts.
const ANSWER_MS_MAX: u64 = 30_000;

/// The store's disk, the network, and what was seen of both.
pub(super) struct Disk {
    executor: Executor,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rows: BTreeMap<String, Row>,
    due: BTreeSet<(u64, String)>,
    expiries: BTreeSet<(u64, String)>,
    groups: BTreeMap<String, u64>,
    /// Keys of all questions ever asked, by task.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// How each task ended.
    ends: BTreeMap<String, String>,
    /// Every task that was ever written.
    all: BTreeSet<String>,
    /// Until when a host is cut off.
    cut: BTreeMap<usize, Duration>,
    has_faults: bool,
    writes: u64,
}

struct Row {
    version: u64,
    write: Write,
    task: Task,
}

/// The store as one host sees it.
pub(super) struct Seen {
    disk: Arc<Disk>,
    host: usize,
}

impl Disk {
    pub(super) fn new(executor: Executor) -> Arc<Self> {
        Arc::new(Self { executor, inner: Mutex::default() })
    }

    pub(super) fn seen_by(self: &Arc<Self>, host: usize) -> Arc<dyn Store> {
        Arc::new(Seen { disk: Arc::clone(self), host })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self, are: bool) {
        let mut inner = self.inner();
        inner.has_faults = are;
        inner.cut.clear();
    }

    pub(super) fn has_faults(&self) -> bool {
        self.inner().has_faults
    }

    pub(super) fn cut(&self, host: usize, time: Duration) {
        let until = self.executor.now() + time;
        self.inner().cut.insert(host, until);
    }

    pub(super) fn is_cut(&self, host: usize) -> bool {
        let now = self.executor.now();
        self.inner().cut.get(&host).is_some_and(|until| now < *until)
    }

    /// How a task ended, if it did.
    pub(super) fn end_of(&self, id: &str) -> Option<String> {
        self.inner().ends.get(&format!("task/{id}")).cloned()
    }

    /// Tasks that were written and have not ended.
    pub(super) fn unended(&self) -> Vec<String> {
        let inner = self.inner();
        inner.all.iter().filter(|key| !inner.ends.contains_key(*key)).cloned().collect()
    }

    pub(super) fn writes(&self) -> u64 {
        self.inner().writes
    }

    /// How many tasks ended in each way.
    pub(super) fn tally(&self, tally: &mut BTreeMap<String, u64>) {
        for end in self.inner().ends.values() {
            *tally.entry(end.split(':').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }

    fn is_faulty(&self, percent: u64) -> bool {
        self.has_faults() && self.executor.happens(percent)
    }

    fn purge(&self, inner: &mut Inner) {
        let now_ms = self.now_ms();
        while let Some((at, key)) = inner.expiries.first().cloned() {
            if at > now_ms {
                break;
            }
            inner.forget(&key);
        }
    }

    fn now_ms(&self) -> u64 {
        BEGINNING_MS + u64::try_from(self.executor.now().as_millis()).unwrap_or_default()
    }

    fn write(&self, host: usize, key: &str, was: u64, write: Write) -> Wrote {
        let mut inner = self.inner();
        self.purge(&mut inner);
        let version = inner.rows.get(key).map_or(0, |row| row.version);
        if version != was {
            return Wrote::Stale;
        }
        let member_of = inner.rows.get(key).and_then(|row| row.write.group.clone());
        if let Some(group) = &write.group
            && member_of.as_ref().map(|group| &group.name) != Some(&group.name)
            && inner.groups.get(&group.name).copied().unwrap_or_default() >= group.max
        {
            return Wrote::Full;
        }
        let task: Task = match serde_json::from_slice(&write.bytes) {
            Ok(task) => task,
            Err(error) => {
                self.executor.violation(format!("host {host} wrote what does not read: {error}"));
                return Wrote::Done;
            }
        };
        self.executor.event(|| format!("host {host} wrote {} v{}: {}", task.id, version + 1, brief(&task)));
        if let Err(wrong) = check(inner.rows.get(key).map(|row| &row.task), &task) {
            self.executor.violation(format!("{wrong} in task {}", task.id));
        }
        let asks = asks_anew(inner.rows.get(key), &task);
        for question in task.outstanding().filter(|_| asks) {
            if !inner.keys.entry(key.to_owned()).or_default().insert(question.key.clone()) {
                self.executor.violation(format!("the key `{}` was used twice in task {}", question.key, task.id));
            }
        }
        inner.forget(key);
        inner.put(key, Row { version: version + 1, write, task });
        if let Err(wrong) = inner.check_groups() {
            self.executor.violation(wrong);
        }
        Wrote::Done
    }
}

impl Inner {
    fn put(&mut self, key: &str, row: Row) {
        self.writes += 1;
        self.all.insert(key.to_owned());
        if row.task.is_ended() {
            self.ends.insert(key.to_owned(), end(&row.task));
        }
        self.expiries.insert((row.write.expires_ms, key.to_owned()));
        if let Some(due) = &row.write.due {
            self.due.insert((due.at_ms, key.to_owned()));
        }
        if let Some(group) = &row.write.group {
            *self.groups.entry(group.name.clone()).or_default() += 1;
        }
        self.rows.insert(key.to_owned(), row);
    }

    fn forget(&mut self, key: &str) {
        let Some(row) = self.rows.remove(key) else { return };
        self.expiries.remove(&(row.write.expires_ms, key.to_owned()));
        if let Some(due) = &row.write.due {
            self.due.remove(&(due.at_ms, key.to_owned()));
        }
        if let Some(count) = row.write.group.and_then(|group| self.groups.get_mut(&group.name)) {
            *count -= 1;
        }
    }

    /// A group counts the tasks of its tenant that are open, and never too many, or those that have ended.
    fn check_groups(&self) -> Result<(), String> {
        let mut tasks = BTreeMap::<String, u64>::new();
        for row in self.rows.values() {
            let what = if row.task.is_ended() { "ended" } else { "tasks" };
            *tasks.entry(format!("{what}/{}", row.task.owner.tenant)).or_default() += 1;
        }
        for (group, count) in &self.groups {
            let is = tasks.get(group).copied().unwrap_or_default();
            if is != *count || (group.starts_with("tasks/") && *count > OPEN_MAX) {
                return Err(format!("the group {group} counts {count}, {is} are there, {OPEN_MAX} may be open"));
            }
        }
        Ok(())
    }
}

fn asks_anew(before: Option<&Row>, task: &Task) -> bool {
    let asks = |task: &Task| matches!(task.state, State::InputRequired { .. });
    asks(task) && !before.is_some_and(|row| asks(&row.task))
}

/// What one write may not do.
fn check(before: Option<&Task>, after: &Task) -> Result<(), String> {
    if after.attempts > RULES.attempts_max {
        return Err(format!("{} attempts", after.attempts));
    }
    if after.lease().is_some_and(|lease| lease.number != after.leases) {
        return Err("a lease that is not the last one".into());
    }
    let Some(before) = before else { return Ok(()) };
    if before.is_ended() {
        return Err("a change after the end".into());
    }
    if after.owner != before.owner || after.created_ms != before.created_ms || after.ttl_ms < before.ttl_ms {
        return Err("another owner, beginning or a shorter life".into());
    }
    if after.revision < before.revision || after.updated_ms < before.updated_ms {
        return Err("what the owner sees went back".into());
    }
    let is_new = after.leases != before.leases;
    if is_new && (after.leases != before.leases + 1 || before.lease().is_some()) {
        return Err("a lease while there was another".into());
    }
    if is_new && after.attempts != before.attempts + 1 {
        return Err("an attempt that was not counted".into());
    }
    if let (State::Completed { result }, Some(work)) = (&after.state, &before.work)
        && number(result.get()) != number(work.get())
    {
        return Err(format!("the result {result} of another task than {work}"));
    }
    Ok(())
}

/// The number that a client gave what it wants done; it is in the work, and in the result.
pub(super) fn number(json: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(json).ok()?.get("number")?.as_u64()
}

/// How a task ended, as far as it must not change.
pub(super) fn end(task: &Task) -> String {
    match &task.state {
        State::Working { .. } | State::InputRequired { .. } => "open".into(),
        State::Completed { result } => format!("completed: {result}"),
        State::Failed(failure) => format!("failed ({}): {}", kind_of(&failure.message), failure.message),
        State::Cancelled => "cancelled".into(),
    }
}

fn kind_of(message: &str) -> &str {
    let kinds = [("lost", "lost"), ("stopped", "stopped"), ("expired", "expired")];
    kinds.iter().find(|(word, _)| message.contains(word)).map_or("by the guest", |(_, kind)| kind)
}

fn brief(task: &Task) -> String {
    let state = match &task.state {
        State::Working { lease: Some(lease), .. } => {
            format!("held by {} as {} until {}", lease.host, lease.number, lease.until_ms - BEGINNING_MS)
        }
        State::Working { lease: None, not_before_ms } => format!("free from {}", not_before_ms - BEGINNING_MS),
        State::InputRequired { .. } => format!("asks, {} open", task.outstanding().count()),
        State::Completed { .. } | State::Failed(_) | State::Cancelled => end(task),
    };
    format!("{state}, attempt {}", task.attempts)
}

impl Seen {
    /// Sends something to the store and waits for the answer, for a time.
    fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Disk, usize) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (disk, host, executor) = (Arc::clone(&self.disk), self.host, self.disk.executor.clone());
        let (answer, answered) = oneshot::channel();
        let request = async move {
            let executor = disk.executor.clone();
            let mut way = executor.some_ms(4);
            if disk.is_cut(host) || disk.is_faulty(1) {
                // Nothing arrives; which shows at once or after a while; or it arrives when nobody may wait for it any more.
                if !disk.has_faults() || executor.happens(70) {
                    return executor.sleep(executor.some_ms(2_000)).await;
                }
                way = executor.some_ms(20_000);
            }
            executor.sleep(way).await;
            let done = what(&disk, host);
            let slow = disk.is_faulty(1);
            executor.sleep(executor.some_ms(if slow { 25_000 } else { 4 })).await;
            if !disk.is_cut(host) && !disk.is_faulty(1) {
                let _ = answer.send(done);
            }
        };
        async move {
            // It is on its way even if the host that sent it ends now.
            executor.spawn(Owner::World, request.boxed());
            select! {
                biased;
                answer = answered => answer.map_err(|_| StoreError("the connection broke".into())),
                () = executor.sleep(Duration::from_millis(ANSWER_MS_MAX)) => Err(StoreError("no answer in time".into())),
            }
        }
        .boxed()
    }

    fn away<T: Send + 'static>(&self) -> Stored<'_, T> {
        let error = StoreError(format!("host {} asks for what tasks do not need", self.host));
        std::future::ready(Err(error)).boxed()
    }

    fn not_kept<T: Send + 'static>(&self) -> Kept<'_, T> {
        let error = StoreError(format!("host {} asks for what tasks do not need", self.host));
        std::future::ready(Err(error.into())).boxed()
    }
}

impl Store for Seen {
    fn record(&self, key: &str) -> Stored<'_, Option<Record>> {
        let key = key.to_owned();
        self.ask(move |disk, _| {
            let mut inner = disk.inner();
            disk.purge(&mut inner);
            let row = inner.rows.get(&key);
            row.map(|row| Record { version: row.version, bytes: row.write.bytes.clone() })
        })
    }

    fn write(&self, key: &str, was: u64, write: Write) -> Stored<'_, Wrote> {
        let key = key.to_owned();
        self.ask(move |disk, host| disk.write(host, &key, was, write))
    }

    fn due(&self, _: &str, by_ms: u64, limit: usize) -> Stored<'_, Vec<String>> {
        self.ask(move |disk, _| {
            let mut inner = disk.inner();
            disk.purge(&mut inner);
            inner.due.iter().take_while(|(at, _)| *at <= by_ms).take(limit).map(|(_, key)| key.clone()).collect()
        })
    }

    fn group_count(&self, name: &str) -> Stored<'_, u64> {
        let name = name.to_owned();
        self.ask(move |disk, _| disk.inner().groups.get(&name).copied().unwrap_or_default())
    }

    fn publish(&self, _: &[u8]) -> Stored<'_, ()> {
        self.away()
    }

    fn listen(&self) -> broadcast::Receiver<Heard> {
        broadcast::Sender::new(1).subscribe()
    }

    fn put(&self, _: &str, _: &[u8], _: Duration) -> Stored<'_, ()> {
        self.away()
    }

    fn get(&self, _: &str) -> Stored<'_, Option<Vec<u8>>> {
        self.away()
    }

    fn delete(&self, _: &str) -> Stored<'_, ()> {
        self.away()
    }

    fn scan(&self, _: &str) -> Stored<'_, Vec<(String, Vec<u8>)>> {
        self.away()
    }

    fn append(&self, _: &str, _: u64, _: &[u8], _: Duration) -> Stored<'_, ()> {
        self.away()
    }

    fn read(&self, _: &str, _: u64) -> Stored<'_, Vec<(u64, Vec<u8>)>> {
        self.away()
    }

    fn kept(&self, _: &str, _: &str) -> Stored<'_, Option<Vec<u8>>> {
        self.away()
    }

    fn kept_keys(&self, _: &str, _: Option<&str>, _: usize) -> Stored<'_, Vec<String>> {
        self.away()
    }

    fn kept_usage(&self, _: &str) -> Stored<'_, Usage> {
        self.away()
    }

    fn keep(&self, _: &str, _: Vec<Change>, _: Room) -> Kept<'_, ()> {
        self.not_kept()
    }

    fn keep_sum(&self, _: &str, _: &str, _: i64, _: Room) -> Kept<'_, i64> {
        self.not_kept()
    }

    fn keep_if(&self, _: &str, _: &str, _: Option<&[u8]>, _: &[u8], _: Room) -> Kept<'_, Swapped> {
        self.not_kept()
    }
}
