//! Asking the user: forms, pages to open, and a plain yes or no.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::sealed::Sealed;
use super::{Question, Result};
use crate::Error;
use crate::bindings::toolyard::plugin::types::{FormRequest, InputRequest, UrlRequest};

/// What the user made of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was answered.
    Accepted(T),
    /// The user said no.
    Declined,
    /// The user went away without saying.
    Cancelled,
}

impl<T> Answer<T> {
    /// The answer, where the tool can do nothing without it.
    ///
    /// # Errors
    /// Where there is none: the model is told that the user declined or cancelled.
    pub fn accepted(self) -> Result<T> {
        match self {
            Self::Accepted(value) => Ok(value),
            Self::Declined => Err(Error::failed("the user declined to answer")),
            Self::Cancelled => Err(Error::failed("the user cancelled the question")),
        }
    }

    /// The answer, if there is one.
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Accepted(value) => Some(value),
            Self::Declined | Self::Cancelled => None,
        }
    }

    /// Whether it was answered.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// What the user did, in the protocol's words: `accept`, `decline` or `cancel`.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accept",
            Self::Declined => "decline",
            Self::Cancelled => "cancel",
        }
    }
}

/// A form for the user to fill in. Its fields are those of the struct `T`, in their order.
///
/// A field is a string, a number, a `bool`, an enum, or a `Vec` of an enum, and nothing is nested. Doc comments are shown
/// beside fields, and as the names of an enum's variants; `#[schemars(title = "…")]` names both. `Option<…>` may be left
/// empty, `#[serde(default = "…")]` is what the form shows at first, where the field's type also implements `Serialize`.
/// Of `#[schemars(…)]`, forms know `length`, `range`, `email` and `url`, and `extend("format" = "date")`.
///
/// What is secret does not belong into a form but onto a page: see [`Url`].
pub struct Form<T> {
    message: String,
    schema: FormSchema,
    // Not the owner of a `T`: a form is `Send` whatever it asks for.
    fields: PhantomData<fn() -> T>,
}

/// Made when the form goes out, which it does in one round of all.
#[derive(Debug, Clone)]
enum FormSchema {
    OfType(Fields),
    Text(String),
}

impl<T: DeserializeOwned + JsonSchema> Form<T> {
    /// A form with a field for each of `T`'s. `message` says what it is about.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), schema: FormSchema::OfType(Fields::of::<T>()), fields: PhantomData }
    }
}

impl<T: DeserializeOwned> Form<T> {
    /// A form with the fields of this JSON Schema, which goes to the client as it stands: for fields that are known only when
    /// the tool runs.
    pub fn with_schema(message: impl Into<String>, schema: &impl ToString) -> Self {
        Self { message: message.into(), schema: FormSchema::Text(schema.to_string()), fields: PhantomData }
    }
}

impl<T> Sealed for Form<T> {}

impl<T: DeserializeOwned> Question for Form<T> {
    type Answer = Answer<T>;

    fn request(&self) -> Result<InputRequest> {
        let schema = match &self.schema {
            FormSchema::OfType(fields) => fields.form_schema().map_err(Error::Internal)?,
            FormSchema::Text(text) => text.clone(),
        };
        Ok(InputRequest::Form(FormRequest { message: self.message.clone(), schema }))
    }

    fn read(&self, response: &str) -> Result<Answer<T>, String> {
        // A client may leave an empty form's content out.
        let read = |content: Option<&RawValue>| serde_json::from_str(content.map_or("{}", RawValue::get));
        read_answer(response, |content| read(content).map_err(|error| error.to_string()))
    }
}

impl<T> fmt::Debug for Form<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Form").field("message", &self.message).field("schema", &self.schema).finish()
    }
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        Self { message: self.message.clone(), schema: self.schema.clone(), fields: PhantomData }
    }
}

/// A question with nothing to fill in: accepted or not.
#[derive(Debug, Clone)]
pub struct Confirm {
    message: String,
}

impl Confirm {
    /// `message` says what accepting means.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Sealed for Confirm {}

impl Question for Confirm {
    type Answer = Answer<()>;

    fn request(&self) -> Result<InputRequest> {
        let schema = r#"{"type":"object","properties":{}}"#.into();
        Ok(InputRequest::Form(FormRequest { message: self.message.clone(), schema }))
    }

    fn read(&self, response: &str) -> Result<Answer<()>, String> {
        read_answer(response, |_| Ok(()))
    }
}

/// A page for the user to open in a browser, such as a sign-in. The place for what is secret: it never passes the client or its
/// model. That it was accepted says that the user went there, and not what came of it.
#[derive(Debug, Clone)]
pub struct Url {
    message: String,
    url: String,
}

impl Url {
    /// `message` says what the page is for.
    pub fn new(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self { message: message.into(), url: url.into() }
    }
}

impl Sealed for Url {}

impl Question for Url {
    type Answer = Answer<()>;

    fn request(&self) -> Result<InputRequest> {
        Ok(InputRequest::Url(UrlRequest { message: self.message.clone(), url: self.url.clone() }))
    }

    fn read(&self, response: &str) -> Result<Answer<()>, String> {
        read_answer(response, |_| Ok(()))
    }
}

/// An `ElicitResult`.
#[derive(Deserialize)]
struct ElicitResult<'a> {
    action: Action,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Accept,
    Decline,
    Cancel,
}

fn read_answer<T>(
    response: &str,
    accepted: impl FnOnce(Option<&RawValue>) -> Result<T, String>,
) -> Result<Answer<T>, String> {
    let result: ElicitResult<'_> = serde_json::from_str(response).map_err(|error| error.to_string())?;
    match result.action {
        Action::Accept => accepted(result.content).map(Answer::Accepted),
        Action::Decline => Ok(Answer::Declined),
        Action::Cancel => Ok(Answer::Cancelled),
    }
}
