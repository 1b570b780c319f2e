//! Keeps the connection: makes it anew when it is lost, says so to listeners, and lets operations wait for it, for as long as
//! they may.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::StreamExt;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, aio::PubSub};
use tokio::{
    sync::{broadcast, watch},
    task::AbortHandle,
    time::{self, Instant},
};

use super::{
    OPERATION_MAX,
    link::{ConnectError, Line, Link, Servers},
};
use crate::{
    metrics,
    store::{Heard, NOTES_BEHIND_MAX, StoreError},
};

/// Pauses between attempts to connect: from the first, which is there for a server that says no at once, to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How often a server that sends nothing is asked whether it is there. One that went without a word is found in this time and
/// [`PONG_MAX`].
const PING_EVERY: Duration = Duration::from_secs(2);

const PONG_MAX: Duration = Duration::from_secs(3);

/// The connection, whatever state it is in.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    state: watch::Sender<State>,
    heard: broadcast::Sender<Heard>,
}

#[derive(Clone)]
enum State {
    /// It was lost, and may be back in a moment: operations wait. Holds why.
    Lost(Arc<str>),
    /// The number tells one connection from the next.
    Up(Link, u64),
    /// It has been lost for longer than operations wait: they fail at once.
    Away(Arc<str>),
}

impl Keeper {
    /// With the first connection, or why there is none.
    pub(super) fn start(servers: Servers, first: Result<Line, String>) -> Self {
        let (notes, state) = match first {
            Ok(Line { link, notes }) => (Some(notes), State::Up(link, 0)),
            Err(reason) => {
                away(&reason);
                (None, State::Away(reason.into()))
            }
        };
        let shared =
            Arc::new(Shared { state: watch::Sender::new(state), heard: broadcast::Sender::new(NOTES_BEHIND_MAX) });
        let task = tokio::spawn(keep(Arc::clone(&shared), servers, notes)).abort_handle();
        Self { shared, task }
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Heard> {
        self.shared.heard.subscribe()
    }

    /// Runs a command, and again on the next connection if this one breaks: whoever makes commands sees to it that this does
    /// no harm. Whoever calls bounds the time.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut states = self.shared.state.subscribe();
        loop {
            let state = states.wait_for(|state| !matches!(state, State::Lost(_))).await;
            let state = state.map_err(|_| StoreError("the host is ending".into()))?.clone();
            let (link, number) = match state {
                State::Up(link, number) => (link, number),
                State::Away(reason) | State::Lost(reason) => return Err(failed(reason.to_string())),
            };
            match link.run(command).await {
                Ok(value) => return Ok(value),
                Err(error) if is_passing(&error) => self.shared.lost(number, &error.to_string()),
                Err(error) => return Err(failed(error.to_string())),
            }
        }
    }

    /// What to say of an operation whose time is over.
    pub(super) fn too_late(&self) -> StoreError {
        let seconds = OPERATION_MAX.as_secs();
        let state = self.shared.state.borrow().clone();
        match state {
            State::Up(_, number) => {
                let reason = format!("it did not answer within {seconds} s");
                self.shared.lost(number, &reason);
                failed(reason)
            }
            State::Lost(reason) | State::Away(reason) => failed(reason.to_string()),
        }
    }
}

fn failed(reason: String) -> StoreError {
    metrics::store_error();
    StoreError(reason)
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

impl Shared {
    /// Says that connection `number` is of no use, unless it was given up already.
    fn lost(&self, number: u64, why: &str) {
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up(_, up) if *up == number);
            if is_it {
                *state = State::Lost(why.into());
            }
            is_it
        });
    }
}

/// The task. Ends with the [`Keeper`]. The first connection may be there already.
async fn keep(shared: Arc<Shared>, servers: Servers, mut first: Option<PubSub>) {
    for number in 0.. {
        let notes = match first.take() {
            Some(notes) => notes,
            None => {
                let Line { link, notes } = reconnect(&shared, &servers).await;
                // What was said meanwhile was not heard.
                let _ = shared.heard.send(Heard::Gap);
                if matches!(shared.state.send_replace(State::Up(link, number)), State::Away(_)) {
                    tracing::info!("the store is there: {}", servers.shown());
                }
                notes
            }
        };
        let why = hear(&shared, notes, number).await;
        shared.lost(number, &why);
        tracing::debug!("the connection to the store was lost: {why}");
    }
}

async fn reconnect(shared: &Shared, servers: &Servers) -> Line {
    let (lost, mut pause) = (Instant::now(), PAUSE.0);
    loop {
        time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
        let reason = match servers.connect().await {
            Ok(line) => return line,
            Err(ConnectError::Away(reason) | ConnectError::Refused(reason)) => reason,
        };
        let is_away = matches!(*shared.state.borrow(), State::Away(_));
        if is_away || lost.elapsed() > OPERATION_MAX {
            if !is_away {
                away(&reason);
            }
            shared.state.send_replace(State::Away(reason.into()));
        } else {
            shared.state.send_replace(State::Lost(reason.into()));
        }
    }
}

/// Passes on what is published, until the connection is lost; gives why.
async fn hear(shared: &Shared, notes: PubSub, number: u64) -> String {
    let (mut sink, mut stream) = notes.split();
    let mut states = shared.state.subscribe();
    let mut ping = time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            note = stream.next() => match note {
                Some(note) => drop(shared.heard.send(Heard::Note(note.get_payload_bytes().into()))),
                None => return "the server closed the connection".into(),
            },
            _ = ping.tick() => match time::timeout(PONG_MAX, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the server does not answer".into(),
            },
            () = given_up(&mut states, number) => return "an operation failed".into(),
        }
    }
}

/// Waits until connection `number` is of no use.
async fn given_up(states: &mut watch::Receiver<State>, number: u64) {
    let _ = states.wait_for(|state| !matches!(state, State::Up(_, up) if *up == number)).await;
}

fn away(reason: &str) {
    tracing::warn!("the store is away, and what needs it fails until it is back: {reason}");
}

/// Whether an error is about the connection, or a server that is not (or no longer) the right one, and not about the command.
fn is_passing(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Io | ErrorKind::Parse | ErrorKind::ClusterConnectionNotFound => true,
        ErrorKind::Server(kind) => {
            matches!(kind, Ask | BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain)
        }
        _ => false,
    }
}
