//! A call of the legacy era: answered as JSON if it is quick and silent, else as a stream that the client may lose and take
//! up again, with requests to the client in the middle of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
    stream::{self, StreamExt},
};
use serde_json::{Value, json};
use tokio::{
    select,
    sync::{mpsc, oneshot},
    time,
};
use tokio_util::{future::FutureExt as _, sync::CancellationToken};

use super::{
    detach::Detach,
    recorded::Recorder,
    result,
    session::{Session, Uid, Waiting},
    tasks,
};
use crate::mcp::{
    Answer, Core, Rejection, Server,
    call::{self, Call, Reply},
    era::{Era, LegacyVersion},
    fault::Fault,
    interact::{Question, QuestionKind},
    message::Id,
    response,
    stream::{Event, Events, Listener},
};

/// A call that takes longer than this becomes a stream even if it is silent, so that a client whose connection breaks can come
/// back for the result.
const STREAM_AFTER: Duration = Duration::from_millis(200);

/// What a client waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 1000;

/// Events that may wait for a slow reader.
const UNREAD_MAX: usize = 256;

type Work = BoxFuture<'static, Result<Vec<u8>, Fault>>;

/// Runs a call of a client that has a session.
pub(super) async fn run(
    server: &Server,
    session: Session,
    call: Call,
    listener: Option<Listener>,
    id: Id,
    takes_events: bool,
) -> Result<Answer, Rejection> {
    let (ask, asked) = mpsc::channel(1);
    let score = Arc::clone(call.wanted.score());
    let work = work(server.core(), session.clone(), call, id.clone(), takes_events.then_some(ask));
    let work = server.core.runner.in_lane(score, work.boxed());
    answer(server, session, Words { listener, asked }, id, takes_events, work).await
}

/// Answers a request with what comes of `work`, and before it with what `words` has to say.
pub(super) async fn answer(
    server: &Server,
    session: Session,
    mut words: Words,
    id: Id,
    takes_events: bool,
    work: impl Future<Output = Result<Vec<u8>, Fault>> + Send + 'static,
) -> Result<Answer, Rejection> {
    let (era, cancelled) = (Era::Legacy(session.version), CancellationToken::new());
    let work = Registered::new(server.core(), &session, &id, &cancelled).during(work);
    let mut work: Work = Detach::new(work, server.background.clone()).boxed();
    let first = select! {
        biased;
        Some(first) = words.next() => Some(first),
        message = &mut work => match words.ready() {
            None => return done(message, id, &cancelled),
            Some(word) => {
                work = std::future::ready(message).boxed();
                Some(word)
            }
        },
        () = time::sleep(STREAM_AFTER), if takes_events => None,
    };
    let (sender, receiver) = mpsc::channel(UNREAD_MAX);
    let Ok(stream) = Recorder::begin(server.core(), &session, &id, sender).await else {
        return Err(Rejection { id: Some(id), fault: Fault::Internal("no random numbers".into()) });
    };
    let pump = pump(stream, session.version, first, words, work, (id, era), cancelled);
    server.background.spawn(pump);
    Ok(Answer::Events(received(receiver)))
}

fn done(message: Result<Vec<u8>, Fault>, id: Id, cancelled: &CancellationToken) -> Result<Answer, Rejection> {
    if cancelled.is_cancelled() {
        // Whoever cancelled does not want to hear of it any more.
        return Ok(Answer::Accepted);
    }
    message.map(Answer::Message).map_err(|fault| Rejection { id: Some(id), fault })
}

fn received(receiver: mpsc::Receiver<Event>) -> Events {
    stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))).boxed()
}

/// The call, over as many rounds as the plugin needs. `ask` takes requests to the client, if there is a way to send them.
async fn work(
    core: Arc<Core>,
    session: Session,
    mut call: Call,
    id: Id,
    ask: Option<mpsc::Sender<Vec<u8>>>,
) -> Result<Vec<u8>, Fault> {
    loop {
        let need = match call::run(&core.runner, &call).await? {
            Reply::NeedInput(need) => need,
            reply => return Ok(response(&id, &result::of(session.version, &reply))),
        };
        let Some(ask) = &ask else {
            let reason =
                "the tool asks for input, and the client cannot be asked: `Accept` allows no text/event-stream";
            return Err(Fault::InvalidRequest(reason.into()));
        };
        let questions = call.questions(need)?;
        call.answered(answers(&core, &session, questions, ask, None).await?);
    }
}

/// Asks the client, for the task of that id if it is for one, and waits for all its answers.
pub(super) async fn answers(
    core: &Core,
    session: &Session,
    questions: Vec<Question>,
    ask: &mpsc::Sender<Vec<u8>>,
    task: Option<&str>,
) -> Result<Vec<(String, String)>, Fault> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let number = core.sessions.question(session, core.input_wait_max)?;
        let (sender, answer) = oneshot::channel();
        core.sessions
            .waiting
            .pin()
            .insert(number.clone(), Arc::new(Waiting { asked: session.uid, answer: Mutex::new(Some(sender)) }));
        let out = Out { core, number: number.clone() };
        // The stream carries one question after the other, but does not wait for answers in between.
        if ask.send(request(&number, session.version, &question, task)).await.is_err() {
            return Err(Fault::Internal("the client's stream has ended".into()));
        }
        answers.push((question.key, answer, out));
    }
    let waiting = answers.into_iter().map(async |(key, answer, _out)| match answer.await {
        Ok(Ok(answer)) => Ok((key, answer)),
        Ok(Err(reason)) => Err(Fault::InvalidRequest(format!("the client could not answer `{key}`: {reason}"))),
        Err(_) => Err(Fault::InvalidRequest(format!("the client did not answer `{key}`"))),
    });
    match time::timeout(core.input_wait_max, join_all(waiting)).await {
        Ok(answers) => answers.into_iter().collect(),
        Err(_) => Err(Fault::InvalidRequest("the client did not answer in time".into())),
    }
}

/// A question that is out: taken back when nobody waits for its answer any more.
struct Out<'a> {
    core: &'a Core,
    number: String,
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.core.sessions.waiting.pin().remove(&self.number);
    }
}

/// A request to the client, in the words of its revision.
fn request(number: &str, version: LegacyVersion, question: &Question, task: Option<&str>) -> Vec<u8> {
    let mut asked = question.kind.asked();
    if let (QuestionKind::Url { .. }, Value::Object(params)) = (&question.kind, &mut asked.params) {
        params.insert("elicitationId".into(), number.into());
    }
    if let (QuestionKind::Form { .. }, Value::Object(params)) = (&question.kind, &mut asked.params)
        && version >= LegacyVersion::V2025_11_25
    {
        params.insert("mode".into(), "form".into());
    }
    if let (Some(task), Value::Object(params)) = (task, &mut asked.params) {
        params.insert("_meta".into(), tasks::related(task));
    }
    let mut message = json!({ "jsonrpc": "2.0", "id": number, "method": asked.method });
    if task.is_some() || !matches!(question.kind, QuestionKind::Roots) {
        message["params"] = asked.params;
    }
    crate::mcp::to_json(&message)
}

/// What goes to the client before the response.
pub(super) struct Words {
    listener: Option<Listener>,
    asked: mpsc::Receiver<Vec<u8>>,
}

impl Words {
    /// Only questions.
    pub(super) fn of_questions(asked: mpsc::Receiver<Vec<u8>>) -> Self {
        Self { listener: None, asked }
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        let said = async {
            match &mut self.listener {
                Some(listener) => listener.next().await,
                None => None,
            }
        };
        select! {
            biased;
            Some(said) = said => Some(said),
            Some(asked) = self.asked.recv() => Some(asked),
            else => None,
        }
    }

    fn ready(&mut self) -> Option<Vec<u8>> {
        self.listener.as_mut().and_then(Listener::ready).or_else(|| self.asked.try_recv().ok())
    }
}

/// Makes a call known to those who cancel, for as long as it runs.
struct Registered {
    core: Arc<Core>,
    key: (Uid, String),
    cancelled: CancellationToken,
}

impl Registered {
    fn new(core: Arc<Core>, session: &Session, id: &Id, cancelled: &CancellationToken) -> Self {
        let key = (session.uid, id.get().to_owned());
        core.sessions.running.pin().insert(key.clone(), cancelled.clone());
        Self { core, key, cancelled: cancelled.clone() }
    }

    async fn during<T>(self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let ended = work.with_cancellation_token(&self.cancelled).await;
        ended.unwrap_or_else(|| Err(Fault::cancelled()))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.core.sessions.running.pin().remove(&self.key);
    }
}

/// Carries a call to its end, whether or not anybody reads.
async fn pump(
    mut stream: Recorder,
    version: LegacyVersion,
    first: Option<Vec<u8>>,
    mut words: Words,
    mut work: Work,
    (id, era): (Id, Era),
    cancelled: CancellationToken,
) {
    // From 2025-11-25 on a stream begins with an empty event, whose id is enough to come back (SEP-1699).
    if version >= LegacyVersion::V2025_11_25 {
        stream.prime(RETRY_MS).await;
    }
    if let Some(first) = first {
        stream.record(first, false).await;
    }
    let message = loop {
        select! {
            biased;
            Some(word) = words.next() => stream.record(word, false).await,
            message = &mut work => break message,
        }
    };
    while let Some(word) = words.ready() {
        stream.record(word, false).await;
    }
    if cancelled.is_cancelled() {
        stream.leave_unsaid().await;
    } else {
        let message = message.unwrap_or_else(|fault| fault.render(Some(&id), Some(era)));
        stream.record(message, true).await;
    }
    stream.end().await;
}
