//! Asking the client's model.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::sealed::Sealed;
use super::{Question, Result};
use crate::bindings::toolyard::plugin::types::InputRequest;
use crate::content_json::{media_block, role_name};
use crate::{Content, Role};

/// A request to the client's model. What the client makes of it, and with which model, is up to the client and its user.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sampling {
    messages: Vec<Message>,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_preferences: Option<ModelPreferences>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<SamplingTool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
}

/// What an answer may be long when nobody says: a page or so.
const MAX_TOKENS: u32 = 1_000;

impl Sampling {
    /// A conversation that begins with the user saying this, and an answer of at most 1,000 tokens.
    pub fn new(prompt: impl Into<SamplingContent>) -> Self {
        let request = Self {
            messages: Vec::new(),
            max_tokens: MAX_TOKENS,
            system_prompt: None,
            temperature: None,
            stop_sequences: Vec::new(),
            model_preferences: None,
            tools: Vec::new(),
            tool_choice: None,
            metadata: None,
        };
        request.user(prompt)
    }

    /// Adds something that the user says.
    #[must_use]
    pub fn user(self, content: impl Into<SamplingContent>) -> Self {
        self.message(Role::User, [content.into()])
    }

    /// Adds something that the model says.
    #[must_use]
    pub fn assistant(self, content: impl Into<SamplingContent>) -> Self {
        self.message(Role::Assistant, [content.into()])
    }

    /// Adds a message of several pieces.
    #[must_use]
    pub fn message(mut self, role: Role, content: impl Into<Vec<SamplingContent>>) -> Self {
        let content = content.into().iter().map(SamplingContent::to_json).collect();
        self.messages.push(Message { role: role_name(role), content: OneOrMore(content) });
        self
    }

    /// Adds what the model answered to an earlier request, and what came of the tools that it wanted, for it to go on.
    #[must_use]
    pub fn continued(self, answer: &Sampled, tool_results: impl Into<Vec<SamplingContent>>) -> Self {
        let results = tool_results.into();
        let request = self.message(answer.role, answer.content.clone());
        if results.is_empty() { request } else { request.message(Role::User, results) }
    }

    /// How long the answer may be.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// What the model is told before the conversation.
    #[must_use]
    pub fn system_prompt(mut self, text: impl Into<String>) -> Self {
        self.system_prompt = Some(text.into());
        self
    }

    /// How freely the model chooses its words, in the terms of that model.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Ends the answer where the model says this. May be given more than once.
    #[must_use]
    pub fn stop_at(mut self, text: impl Into<String>) -> Self {
        self.stop_sequences.push(text.into());
        self
    }

    /// Which kind of model would be best.
    #[must_use]
    pub fn prefer(mut self, preferences: ModelPreferences) -> Self {
        self.model_preferences = Some(preferences);
        self
    }

    /// Offers the model a tool, for clients with [`SAMPLING_TOOLS`](crate::ClientCapabilities::SAMPLING_TOOLS). May be given more
    /// than once.
    #[must_use]
    pub fn tool(mut self, tool: SamplingTool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Whether the model has to use a tool.
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// What is passed on to the model's provider.
    #[must_use]
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(metadata);
        self
    }
}

impl Sealed for Sampling {}

impl Question for Sampling {
    type Answer = Sampled;

    fn request(&self) -> Result<InputRequest> {
        Ok(InputRequest::Sampling(serde_json::to_string(self)?))
    }

    fn read(&self, response: &str) -> Result<Sampled, String> {
        let result: CreateMessageResult = serde_json::from_str(response).map_err(|error| error.to_string())?;
        let pieces = match result.content {
            Value::Array(pieces) => pieces,
            piece => vec![piece],
        };
        let role = match result.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => return Err(format!("nobody has the role `{other}`")),
        };
        let content = pieces.into_iter().map(SamplingContent::from_json).collect::<Result<_, _>>()?;
        Ok(Sampled { role, content, model: result.model, stop_reason: result.stop_reason })
    }
}

/// What the client's model said.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Usually [`Role::Assistant`].
    pub role: Role,
    /// At least one piece, unless the model had nothing to say.
    pub content: Vec<SamplingContent>,
    /// The model's name.
    pub model: String,
    /// Why it stopped: `endTurn`, `stopSequence`, `maxTokens`, `toolUse`, or another word of the provider's.
    pub stop_reason: Option<String>,
}

impl Sampled {
    /// All of its text.
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|piece| match piece {
            SamplingContent::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The tools that the model wants to use. The plugin runs them and hands the results back with [`Sampling::continued`].
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content.iter().filter_map(|piece| match piece {
            SamplingContent::ToolUse(tool_use) => Some(tool_use),
            _ => None,
        })
    }
}

/// A piece of a conversation with a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SamplingContent {
    Text(String),
    /// An image, with its type such as `image/png`.
    Image {
        data: Vec<u8>,
        mime_type: String,
    },
    /// A sound, with its type such as `audio/wav`.
    Audio {
        data: Vec<u8>,
        mime_type: String,
    },
    /// What the model wants done.
    ToolUse(ToolUse),
    /// What came of it.
    ToolResult {
        /// The [`ToolUse::id`].
        tool_use_id: String,
        content: Vec<Content>,
        is_error: bool,
    },
}

impl<T: Into<String>> From<T> for SamplingContent {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// A tool that the model wants to use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    /// What the result refers to.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments.
    pub input: Map<String, Value>,
}

impl ToolUse {
    /// The arguments as a type, such as the one the tool was made with.
    ///
    /// # Errors
    /// Where they are not such.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_value(Value::Object(self.input.clone()))?)
    }

    /// What came of it.
    pub fn result(&self, content: impl Into<Content>) -> SamplingContent {
        SamplingContent::ToolResult { tool_use_id: self.id.clone(), content: vec![content.into()], is_error: false }
    }

    /// Why nothing came of it.
    pub fn error(&self, message: impl Into<Content>) -> SamplingContent {
        SamplingContent::ToolResult { tool_use_id: self.id.clone(), content: vec![message.into()], is_error: true }
    }
}

/// A tool that is offered to the client's model. It is the plugin that runs it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingTool {
    name: String,
    description: String,
    input_schema: Value,
}

impl SamplingTool {
    /// A tool that takes the fields of `T`.
    pub fn new<T: JsonSchema>(name: impl Into<String>, description: impl Into<String>) -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
        let mut input_schema = settings.into_generator().into_root_schema_for::<T>();
        // An enum's schema leaves it to its variants.
        input_schema.insert("type".into(), "object".into());
        Self { name: name.into(), description: description.into(), input_schema: input_schema.to_value() }
    }
}

/// Whether the model has to use a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub enum ToolChoice {
    /// As it likes. The default.
    Auto,
    /// It has to.
    Required,
    /// It may not.
    None,
}

/// Which kind of model would be best. Each priority is from 0.0, not important, to 1.0.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelPreferences {
    /// Parts of models' names, such as `sonnet`, the best first.
    #[serde(serialize_with = "as_hints", skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    #[serde(rename = "costPriority", skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    #[serde(rename = "speedPriority", skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    #[serde(rename = "intelligencePriority", skip_serializing_if = "Option::is_none")]
    pub intelligence: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct Message {
    role: &'static str,
    content: OneOrMore,
}

/// Revisions before 2025-11-25 know one piece for a message.
#[derive(Debug, Clone)]
struct OneOrMore(Vec<Value>);

impl Serialize for OneOrMore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(serializer),
            more => more.serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateMessageResult {
    role: String,
    content: Value,
    model: String,
    stop_reason: Option<String>,
}

impl SamplingContent {
    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text }),
            Self::Image { data, mime_type } => media_block("image", data, mime_type),
            Self::Audio { data, mime_type } => media_block("audio", data, mime_type),
            Self::ToolUse(ToolUse { id, name, input }) => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": input })
            }
            Self::ToolResult { tool_use_id, content, is_error } => {
                let content: Vec<Value> = content.iter().map(Content::to_json).collect();
                let mut result = json!({ "type": "tool_result", "toolUseId": tool_use_id, "content": content });
                if *is_error {
                    result["isError"] = true.into();
                }
                result
            }
        }
    }

    fn from_json(value: Value) -> Result<Self, String> {
        let text = |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| format!("`{name}` is missing"));
        let data = || BASE64.decode(text("data")?).map_err(|error| format!("`data` is not base64: {error}"));
        match text("type")?.as_str() {
            "text" => Ok(Self::Text(text("text")?)),
            "image" => Ok(Self::Image { data: data()?, mime_type: text("mimeType")? }),
            "audio" => Ok(Self::Audio { data: data()?, mime_type: text("mimeType")? }),
            "tool_use" => serde_json::from_value(value).map(Self::ToolUse).map_err(|error| error.to_string()),
            other => Err(format!("a model does not say `{other}`")),
        }
    }
}

// Through a signature that serde prescribes.
#[expect(clippy::ptr_arg)]
fn as_hints<S: serde::Serializer>(hints: &Vec<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hints.iter().map(|name| json!({ "name": name })))
}
