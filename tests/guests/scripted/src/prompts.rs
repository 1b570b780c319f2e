//! The prompts of a script.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Scripted;
use crate::ask::{Ask, Asked};
use crate::bindings::exports::toolyard::plugin::prompts::{
    Guest, Prompt, PromptArgument, PromptMessage, PromptOutcome, PromptResult,
};
use crate::bindings::toolyard::plugin::types::{CallContext, Content, Error, Resumption, Role, TextContent};
use crate::script::Script;

/// One prompt, which gives its arguments back as a text of JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedPrompt {
    name: String,
    #[serde(default)]
    arguments: Vec<ScriptedArgument>,
    /// What to ask before; then the text is what is known.
    #[serde(default)]
    ask: Option<Ask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedArgument {
    name: String,
    #[serde(default)]
    required: bool,
}

impl Guest for Scripted {
    fn describe() -> Vec<Prompt> {
        Script::read().prompts.into_iter().map(Prompt::from).collect()
    }

    fn get(
        name: String,
        arguments: Vec<(String, String)>,
        context: CallContext,
        resume: Option<Resumption>,
    ) -> Result<PromptOutcome, Error> {
        let prompt = Script::read().prompts.into_iter().find(|prompt| prompt.name == name);
        let prompt = prompt.ok_or_else(|| Error::Internal(format!("the script has no prompt `{name}`")))?;
        let text = match prompt.ask.map(|ask| ask.go_on(&context, resume.as_ref())).transpose()? {
            Some(Asked::Need(need)) => return Ok(PromptOutcome::NeedInput(need)),
            Some(Asked::Enough(known)) => known.to_string(),
            None => {
                let arguments: BTreeMap<String, String> = arguments.into_iter().collect();
                serde_json::json!(arguments).to_string()
            }
        };
        let content = Content::Text(TextContent { text, annotations: None, meta: None });
        let messages = vec![PromptMessage { role: Role::User, content }];
        Ok(PromptOutcome::Complete(PromptResult { description: None, messages, meta: None }))
    }
}

impl From<ScriptedPrompt> for Prompt {
    fn from(prompt: ScriptedPrompt) -> Self {
        let argument =
            |ScriptedArgument { name, required }| PromptArgument { name, title: None, description: None, required };
        Prompt {
            name: prompt.name,
            title: None,
            description: None,
            arguments: prompt.arguments.into_iter().map(argument).collect(),
            icons: Vec::new(),
            meta: None,
        }
    }
}
