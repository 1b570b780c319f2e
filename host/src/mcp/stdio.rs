//! A client at the other end of a pipe: one message a line, both eras, answers in whatever order they are ready.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    select,
    sync::mpsc,
    task::JoinHandle,
    time,
};
use tokio_util::{future::FutureExt as _, sync::CancellationToken, task::TaskTracker};

use super::{
    Answer, Events, Request, Server, Via,
    fault::Fault,
    legacy::Session,
    message::{Kind, Message, Params},
};
use crate::{auth::Principal, json, telemetry::Trace};

/// How long calls go on when the client has closed its end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Lines that wait to be written.
const UNWRITTEN_MAX: usize = 256;

/// What is known of the client beyond a single message.
#[derive(Default)]
pub struct Connection {
    session: Mutex<Option<Session>>,
    running: Mutex<HashMap<String, CancellationToken>>,
}

impl Connection {
    /// What `initialize` settled, once it has.
    pub(super) fn session(&self) -> Option<Session> {
        lock(&self.session).clone()
    }

    /// Notes that the handshake was made.
    pub(super) fn begin(&self, session: Session) {
        *lock(&self.session) = Some(session);
    }

    /// Stops a request, if that is what a notification says. Unknown and finished ones are nothing to stop.
    pub(super) fn cancelled(&self, told: &Kind<'_>, params: &Params<'_>) {
        let is_cancel = matches!(told, Kind::Notification { method } if method == "notifications/cancelled");
        if let Some(running) =
            params.request_id.filter(|_| is_cancel).and_then(|id| lock(&self.running).get(id.get()).cloned())
        {
            running.cancel();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one client until its input ends or `stop`; then lets what runs end.
pub async fn serve(
    server: Arc<Server>,
    input: impl AsyncBufRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    line_bytes_max: usize,
    stop: CancellationToken,
) -> io::Result<()> {
    let (lines, unwritten) = mpsc::channel(UNWRITTEN_MAX);
    let writer = tokio::spawn(write(output, unwritten));
    let connection = Arc::new(Connection::default());
    let requests = TaskTracker::new();
    let read = read(&server, &connection, input, line_bytes_max, &requests, &lines);
    let ended = read.with_cancellation_token(&stop).await.unwrap_or(Ok(()));
    // Streams of news end now; calls may still say what they found, but nobody waits long for them.
    server.stopping.cancel();
    requests.close();
    if time::timeout(LAST_WORDS, requests.wait()).await.is_err() {
        if let Some(session) = connection.session() {
            server.core.sessions.stop_calls(&session);
        }
        lock(&connection.running).values().for_each(CancellationToken::cancel);
        requests.wait().await;
    }
    drop(lines);
    writer.await.map_err(io::Error::other)??;
    ended
}

async fn read(
    server: &Arc<Server>,
    connection: &Arc<Connection>,
    mut input: impl AsyncBufRead + Unpin,
    line_bytes_max: usize,
    requests: &TaskTracker,
    lines: &mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut input).take(line_bytes_max as u64 + 1).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(());
        }
        if line.len() > line_bytes_max {
            // Where the next message begins is anybody's guess.
            let fault = Fault::InvalidRequest(format!("a message has more than {line_bytes_max} bytes"));
            let _ = lines.send(fault.render(None, None)).await;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (in_order, answering) = take(server, connection, std::mem::take(&mut line), requests, lines);
        if in_order {
            // What comes after it counts on it, even if the client does not wait for the answer.
            let _ = answering.await;
        }
    }
}

/// Answers one line in a task of its own. Says whether what comes after it must wait: for the handshake, and for a cancellation.
fn take(
    server: &Arc<Server>,
    connection: &Arc<Connection>,
    line: Vec<u8>,
    requests: &TaskTracker,
    lines: &mpsc::Sender<Vec<u8>>,
) -> (bool, JoinHandle<()>) {
    let (server, connection, lines) = (Arc::clone(server), Arc::clone(connection), lines.clone());
    let text = std::str::from_utf8(&line).ok().and_then(|text| Message::parse(text).ok());
    let in_order =
        text.as_ref().is_some_and(|message| matches!(message.method(), Some("initialize" | "notifications/cancelled")));
    let is_initialized = text.as_ref().is_some_and(|message| message.method() == Some("notifications/initialized"));
    let id = text.and_then(Message::into_id).map(|id| id.get().to_owned());
    let running = CancellationToken::new();
    if let Some(id) = &id {
        lock(&connection.running).insert(id.clone(), running.clone());
    }
    let answering = requests.spawn(async move {
        // Whoever starts a process may do what that process may.
        let Some(visitor) = server.visitor(Arc::new(Principal::anonymous())) else { return };
        let trace = Trace::arrived(None);
        let request = Request { via: Via::Stdio(&connection), visitor: visitor.clone(), trace };
        let answer = async {
            match server.answer(request, &line).await {
                Ok(answer) => send(answer, &lines).await,
                Err(refusal) => drop(lines.send(refusal.rejection.render(refusal.era)).await),
            }
            // The news that a client hears unasked begins when it says that it is ready.
            if let Some(events) =
                connection.session().filter(|_| is_initialized).and_then(|session| server.news(visitor, session))
            {
                forward(events, &lines).await;
            }
        };
        // A cancelled request is answered no more, not even that its stream ends: the cancellation is looked at first.
        let stopped = if is_initialized { server.stopping.clone() } else { running };
        select! {
            biased;
            () = stopped.cancelled() => {}
            () = answer => {}
        }
        if let Some(id) = id {
            lock(&connection.running).remove(&id);
        }
    });
    (in_order, answering)
}

async fn send(answer: Answer, lines: &mpsc::Sender<Vec<u8>>) {
    match answer {
        Answer::Accepted => {}
        Answer::Message(message) | Answer::Initialized { message, .. } => drop(lines.send(message).await),
        Answer::Events(events) => forward(events, lines).await,
    }
}

async fn forward(mut events: Events, lines: &mpsc::Sender<Vec<u8>>) {
    while let Some(event) = events.next().await {
        if !event.data.is_empty() && lines.send(event.data).await.is_err() {
            return;
        }
    }
}

async fn write(mut output: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(mut line) = lines.recv().await {
        // A line break of a plugin's own JSON would end the message.
        json::one_line(&mut line);
        line.push(b'\n');
        output.write_all(&line).await?;
        if lines.is_empty() {
            output.flush().await?;
        }
    }
    output.flush().await
}
