//! The lines that are typed while `toolyard dev` runs: calls, resources to read, prompts to fill in, `tools`, `help`, `quit`.

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{anyhow, bail};
use rustix::fs::FileType;
use serde_json::Value;
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{Desk, PROMPT, show};
use crate::{
    catalog::Plugin,
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
    /// What was typed last.
    last: Arc<Mutex<Option<Typed>>>,
}

/// What is asked of the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Typed {
    Call { tool: String, arguments: String },
    Read { uri: String },
    Prompt { name: String, arguments: String },
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
        let rest = rest.trim();
        match (word, rest) {
            ("", _) => {}
            ("quit" | "exit", "") => return false,
            ("help", "") => self.desk.say(PROMPT),
            ("tools", "") => match self.desk.plugin() {
                Some(plugin) => plugin.tools().iter().for_each(|tool| self.desk.say(&show::tool(tool))),
                None => self.desk.say("nothing is served yet"),
            },
            _ => {
                let typed = Typed::read(word, rest);
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(typed.clone());
                self.run_and_tell(&typed, true).await;
            }
        }
        // So that what comes of the next line is not printed before.
        self.desk.flush().await;
        true
    }

    /// Does once more what was typed last, if something was.
    pub(super) async fn repeat(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(typed) = last {
            self.run_and_tell(&typed, false).await;
        }
    }

    /// The call itself is told by whoever looks on; here only what was no call.
    async fn run_and_tell(&self, typed: &Typed, may_ask: bool) {
        if let Err(error) = self.run(typed, may_ask).await {
            self.desk.say(&format!("{error:#}"));
        }
    }

    async fn until_built(&self) {
        // Fails only if the other end is gone, which is ours.
        let _ = self.desk.building.subscribe().wait_for(|building| !building).await;
    }

    /// Questions are asked here only if it was typed: otherwise the next line is not their answer.
    async fn run(&self, typed: &Typed, may_ask: bool) -> anyhow::Result<()> {
        self.until_built().await;
        let Some(plugin) = self.desk.plugin() else {
            bail!("nothing is served yet; mend what does not build, and save");
        };
        let wanted = typed.wanted(&plugin)?;
        let caller = mcp::Caller::new(Some("the prompt".into()), None, ask::capabilities());
        // What it says is seen by whoever looks on; the guest is only to know that somebody listens.
        let (sender, _said) = mpsc::channel(1);
        let voice = Voice { sender, progress: true, log: None };
        let mut call = mcp::Call::new(wanted, Arc::new(caller), Some(voice));
        // A fault has been told.
        while let Ok(mcp::Reply::NeedInput(need)) = mcp::run(&self.runner, &call).await {
            if !may_ask {
                bail!("type the call to answer what it asks");
            }
            let questions = call.questions(need).map_err(|fault| said(&fault))?;
            self.desk.flush().await;
            call.answered(tokio::task::block_in_place(|| ask::ask(&questions))?);
        }
        Ok(())
    }
}

impl Typed {
    /// A tool may itself be called `read` or `prompt`: its arguments begin with a brace, as no URI and no name does.
    fn read(word: &str, rest: &str) -> Self {
        let is_name = !rest.is_empty() && !rest.starts_with('{');
        let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match word {
            "read" if is_name => Self::Read { uri: rest.into() },
            "prompt" if is_name => Self::Prompt { name: name.into(), arguments: arguments.trim().into() },
            tool => Self::Call { tool: tool.into(), arguments: rest.into() },
        }
    }

    /// What the plugin is asked for.
    fn wanted(&self, plugin: &Plugin) -> anyhow::Result<mcp::Wanted> {
        match self {
            Self::Call { tool, arguments } => called(plugin, tool, arguments),
            Self::Read { uri } => read(plugin, uri),
            Self::Prompt { name, arguments } => filled_in(plugin, name, arguments),
        }
    }
}

fn said(fault: &mcp::Fault) -> anyhow::Error {
    anyhow!("{}", fault.message())
}

/// What was typed behind a name. Left out, it is an empty object.
fn typed_arguments(arguments: &str, example: &str) -> anyhow::Result<(String, Value)> {
    let arguments = if arguments.is_empty() { "{}" } else { arguments };
    mcp::read_arguments(arguments)
        .map_err(|fault| anyhow!("{}; write them as JSON, such as `{example}`", fault.message()))
}

fn called(plugin: &Plugin, name: &str, arguments: &str) -> anyhow::Result<mcp::Wanted> {
    let public = || plugin.tools().iter().find(|other| other.name().as_str() == name);
    let Some(tool) = plugin.own_tool(name).or_else(public) else {
        let names: Vec<&str> = plugin.tools().iter().map(|tool| tool.described().name.as_str()).collect();
        bail!("there is no tool `{name}`; there are {}, and `help`, `tools` and `quit`", names.join(", "));
    };
    let (arguments, value) = typed_arguments(arguments, &show::example(tool))?;
    Ok(mcp::Wanted::Tool { permit: policy::operators_own(tool), arguments, value })
}

fn read(plugin: &Plugin, uri: &str) -> anyhow::Result<mcp::Wanted> {
    let prefixes = &plugin.program().prefixes;
    if !prefixes.iter().any(|prefix| uri.starts_with(prefix.as_str())) {
        let known =
            if prefixes.is_empty() { "no URI at all".to_owned() } else { format!("{}...", prefixes.join("..., ")) };
        bail!("the plugin does not answer for `{uri}`; it answers for {known}");
    }
    Ok(mcp::Wanted::Resource { permit: policy::operators_own(plugin.program()), uri: uri.to_owned() })
}

fn filled_in(plugin: &Plugin, name: &str, arguments: &str) -> anyhow::Result<mcp::Wanted> {
    let found =
        plugin.prompts().iter().find(|prompt| [&prompt.described().name, prompt.name().as_str()].contains(&name));
    let Some(prompt) = found else {
        let names: Vec<&str> = plugin.prompts().iter().map(|prompt| prompt.described().name.as_str()).collect();
        bail!(
            "there is no prompt `{name}`; there are {}",
            if names.is_empty() { "none".into() } else { names.join(", ") }
        );
    };
    let (_, value) = typed_arguments(arguments, &format!("prompt {} {{\"NAME\": \"text\"}}", prompt.described().name))?;
    let given = value.as_object().into_iter().flatten();
    // Arguments of prompts are text; whoever types a number means its text.
    let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let arguments: Vec<(String, String)> = given.map(|(name, value)| (name.clone(), as_text(value))).collect();
    let described = &prompt.described().arguments;
    let is_given = |name: &str| arguments.iter().any(|(given, _)| given == name);
    if let Some(missing) = described.iter().find(|argument| argument.required && !is_given(&argument.name)) {
        bail!("the prompt needs the argument `{}`", missing.name);
    }
    Ok(mcp::Wanted::Prompt { permit: policy::operators_own(prompt), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_call_unless_it_names_a_resource_or_a_prompt() {
        let call = |tool: &str, arguments: &str| Typed::Call { tool: tool.into(), arguments: arguments.into() };
        let prompt = |name: &str, arguments: &str| Typed::Prompt { name: name.into(), arguments: arguments.into() };
        assert_eq!(Typed::read("greet", ""), call("greet", ""));
        assert_eq!(Typed::read("read", r#"{"path": "/a"}"#), call("read", r#"{"path": "/a"}"#));
        assert_eq!(Typed::read("read", ""), call("read", ""));
        assert_eq!(Typed::read("read", "shop://a b"), Typed::Read { uri: "shop://a b".into() });
        assert_eq!(Typed::read("prompt", "party"), prompt("party", ""));
        assert_eq!(Typed::read("prompt", r#"party  {"guests": 3}"#), prompt("party", r#"{"guests": 3}"#));
    }
}
