//! Prompts: what [`plugin`](crate::plugin) writes down of them, and how one is filled in.

use crate::about::About;
use crate::bindings::prompts::wire;
use crate::bindings::toolyard::plugin::types::{CallContext, Error as WireError, Resumption};
use crate::plugin::{Exported, leaked};
use crate::{Content, Context, Error, Plugin, PromptMessage, PromptResult, Role, ToolError};

/// One prompt.
#[derive(Debug)]
pub struct Prompt {
    pub about: About,
    pub arguments: &'static [PromptArgument],
    pub get: Get,
}

/// Fills a prompt in, given its arguments.
type Get = fn(&[(String, String)], &Context) -> Result<PromptResult, Error>;

/// One argument. It is text; the function may take it as something else.
#[derive(Debug)]
pub struct PromptArgument {
    pub name: &'static str,
    pub title: Option<&'static str>,
    pub description: Option<&'static str>,
    pub required: bool,
}

impl Plugin {
    /// The prompts as the host learns of them, in the order in which they stand in the source.
    pub fn prompts(&self) -> Vec<wire::Prompt> {
        self.parts.prompts.iter().map(Prompt::describe).collect()
    }

    /// Fills the prompt `name` in.
    ///
    /// # Errors
    /// Those of the prompt, and [`Error::NeedInput`] where it asks for something.
    pub fn get_prompt(&self, name: &str, arguments: &[(&str, &str)], context: &Context) -> Result<PromptResult, Error> {
        let arguments: Vec<(String, String)> =
            arguments.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.fill_in(name, &arguments, context)
    }

    fn fill_in(&self, name: &str, arguments: &[(String, String)], context: &Context) -> Result<PromptResult, Error> {
        match self.parts.prompts.iter().find(|prompt| prompt.about.name == name) {
            Some(prompt) => (prompt.get)(arguments, context),
            None => Err(Error::internal(format_args!("the plugin has no prompt `{name}`"))),
        }
    }
}

impl Prompt {
    fn describe(&self) -> wire::Prompt {
        wire::Prompt {
            name: self.about.name.into(),
            title: self.about.title(),
            description: self.about.description(),
            arguments: self.arguments.iter().map(PromptArgument::describe).collect(),
            icons: self.about.icons(),
            meta: self.about.meta(),
        }
    }
}

impl PromptArgument {
    fn describe(&self) -> wire::PromptArgument {
        wire::PromptArgument {
            name: self.name.into(),
            title: self.title.map(Into::into),
            description: self.description.map(Into::into),
            required: self.required,
        }
    }
}

impl<T: Exported> wire::Guest for T {
    fn describe() -> Vec<wire::Prompt> {
        T::PLUGIN.prompts()
    }

    fn get(
        name: String,
        arguments: Vec<(String, String)>,
        context: CallContext,
        resume: Option<Resumption>,
    ) -> Result<wire::PromptOutcome, WireError> {
        let (name, arguments) = (leaked(name), leaked(arguments));
        match T::PLUGIN.fill_in(&name, &arguments, &leaked(Context::resumed(context, resume))) {
            Ok(result) => Ok(wire::PromptOutcome::Complete(result)),
            Err(Error::NeedInput(need)) => Ok(wire::PromptOutcome::NeedInput(*need)),
            Err(error) => Err(error.into()),
        }
    }
}

impl PromptMessage {
    /// Something that the user says.
    pub fn user(content: impl Into<Content>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// Something that the model says.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

impl PromptResult {
    /// A prompt of these messages.
    pub fn new(messages: impl Into<Vec<PromptMessage>>) -> Self {
        Self { description: None, messages: messages.into(), meta: None }
    }

    /// Says what this prompt, filled in as it is, is for.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the result's `_meta` to this JSON object.
    #[must_use]
    pub fn with_meta(mut self, meta: &serde_json::Map<String, serde_json::Value>) -> Self {
        self.meta = serde_json::to_string(meta).ok();
        self
    }
}

/// What a prompt's function may return: text or content that the user says, messages, or a whole [`PromptResult`]. Each may
/// stand in a `Result`.
#[diagnostic::on_unimplemented(
    message = "a prompt cannot return `{Self}`",
    label = "return text, `Content`, `PromptMessage`, a `Vec` of messages or `PromptResult`"
)]
pub trait IntoPromptResult {
    /// The prompt, filled in.
    ///
    /// # Errors
    /// Those of the function.
    fn into_prompt_result(self) -> Result<PromptResult, Error>;
}

impl IntoPromptResult for PromptResult {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        Ok(self)
    }
}

impl IntoPromptResult for Vec<PromptMessage> {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        Ok(PromptResult::new(self))
    }
}

impl IntoPromptResult for PromptMessage {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        Ok(PromptResult::new([self]))
    }
}

impl IntoPromptResult for Content {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        PromptMessage::user(self).into_prompt_result()
    }
}

impl IntoPromptResult for String {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        PromptMessage::user(self).into_prompt_result()
    }
}

impl IntoPromptResult for &str {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        PromptMessage::user(self).into_prompt_result()
    }
}

impl<T: IntoPromptResult, E: ToolError> IntoPromptResult for Result<T, E> {
    fn into_prompt_result(self) -> Result<PromptResult, Error> {
        self.map_err(ToolError::into_error)?.into_prompt_result()
    }
}
