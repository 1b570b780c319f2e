//! The lines that are typed while `toolyard dev` runs: calls, `tools`, `help`, `quit`.

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{anyhow, bail};
use rustix::fs::FileType;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{Desk, PROMPT, show};
use crate::{
    cli::ask,
    mcp::{self, Runner},
    policy,
    sandbox::Voice,
};

/// Reads lines and does what they say. Cheap to clone.
#[derive(Clone)]
pub(super) struct Prompt {
    desk: Arc<Desk>,
    runner: Runner,
    /// The last call that was typed.
    last: Arc<Mutex<Option<(String, String)>>>,
}

impl Prompt {
    /// Begins to read standard input, if somebody is at its other end: a terminal or a pipe. Its end cancels `stop`.
    pub(super) fn open(desk: Arc<Desk>, runner: Runner, stop: CancellationToken) -> Option<Self> {
        let input = io::stdin();
        let kind = rustix::fs::fstat(input.as_fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        if !input.is_terminal() && !matches!(kind, Ok(FileType::Fifo | FileType::Socket)) {
            return None;
        }
        let prompt = Self { desk, runner, last: Arc::default() };
        let (reader, handle) = (prompt.clone(), Handle::current());
        // A thread of its own: a read cannot be taken back, and questions of plugins read on where it stands.
        thread::spawn(move || {
            handle.block_on(reader.until_built());
            while let Some(words) = ask::line().ok().flatten() {
                if !handle.block_on(reader.obey(&words)) {
                    break;
                }
            }
            stop.cancel();
        });
        Some(prompt)
    }

    /// Does what a line says. `false` if that is to end.
    async fn obey(&self, words: &str) -> bool {
        let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        match (word, rest.trim()) {
            ("", _) => {}
            ("quit" | "exit", "") => return false,
            ("help", "") => self.desk.say(PROMPT),
            ("tools", "") => match self.desk.plugin() {
                Some(plugin) => plugin.tools().iter().for_each(|tool| self.desk.say(&show::tool(tool))),
                None => self.desk.say("nothing is served yet"),
            },
            (tool, arguments) => {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((tool.into(), arguments.into()));
                self.call_and_tell(tool, arguments, true).await;
            }
        }
        // So that what comes of the next line is not printed before.
        self.desk.flush().await;
        true
    }

    /// Makes the last call once more, if there was one.
    pub(super) async fn repeat(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((tool, arguments)) = last {
            self.call_and_tell(&tool, &arguments, false).await;
        }
    }

    /// The call itself is told by whoever looks on; here only what was no call.
    async fn call_and_tell(&self, tool: &str, arguments: &str, may_ask: bool) {
        if let Err(error) = self.call(tool, arguments, may_ask).await {
            self.desk.say(&format!("{error:#}"));
        }
    }

    async fn until_built(&self) {
        // Fails only if the other end is gone, which is ours.
        let _ = self.desk.building.subscribe().wait_for(|building| !building).await;
    }

    /// Questions are asked here only if it was typed: otherwise the next line is not their answer.
    async fn call(&self, tool: &str, arguments: &str, may_ask: bool) -> anyhow::Result<()> {
        self.until_built().await;
        let Some(plugin) = self.desk.plugin() else {
            bail!("nothing is served yet; mend what does not build, and save");
        };
        let public = || plugin.tools().iter().find(|other| other.name().as_str() == tool);
        let Some(tool) = plugin.own_tool(tool).or_else(public) else {
            let names: Vec<&str> = plugin.tools().iter().map(|tool| tool.described().name.as_str()).collect();
            bail!("there is no tool `{tool}`; there are {}, and `help`, `tools` and `quit`", names.join(", "));
        };
        let fault = |fault: mcp::Fault| anyhow!("{}", fault.message());
        let (arguments, value) =
            mcp::read_arguments(if arguments.is_empty() { "{}" } else { arguments }).map_err(fault)?;
        let permit = policy::operators_own(tool);
        let caller = mcp::Caller::new(Some("the prompt".into()), None, ask::capabilities());
        // What it says is seen by whoever looks on; the guest is only to know that somebody listens.
        let (sender, _said) = mpsc::channel(1);
        let voice = Voice { sender, progress: true, log: None };
        let mut call = mcp::Call::new(mcp::Wanted::Tool { permit, arguments, value }, Arc::new(caller), Some(voice));
        // A fault has been told.
        while let Ok(mcp::Reply::NeedInput(need)) = mcp::run(&self.runner, &call).await {
            if !may_ask {
                bail!("type the call to answer what it asks");
            }
            let questions = call.questions(need).map_err(fault)?;
            self.desk.flush().await;
            call.answered(tokio::task::block_in_place(|| ask::ask(&questions))?);
        }
        Ok(())
    }
}
