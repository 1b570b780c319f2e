//! Why a tool gave no result, and how other errors become that.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::InputNeed;
use crate::bindings::toolyard::plugin::types::{Error as WireError, RetryHint};

/// What a tool returns that may fail: `toolyard_plugin::Result<String>`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call gave no result. Each message is for the caller's model: say what went wrong and what to do about it.
///
/// `?` turns every [`std::error::Error`] into [`Error::Failed`], with its sources. It is not a [`std::error::Error`]
/// itself, since that conversion would then clash with `From<T> for T`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The arguments are not usable. Says which, and what would be.
    InvalidArguments(String),
    /// The caller may not do this.
    Denied(String),
    /// It did not work now and had no effect: running it again is safe and may help.
    Retryable {
        /// For the caller, should the host give up.
        message: String,
        /// How long to wait. `None`: the host decides.
        after: Option<Duration>,
    },
    /// It did not work.
    Failed(String),
    /// The plugin itself is at fault. The caller gets a protocol error instead of something its model reads.
    Internal(String),
    /// There is nothing by that URI. From anything but a resource it is a failure.
    NotFound,
    /// The call cannot go on without an answer: what [`Context::ask`](crate::Context::ask) returns for the host to see. Pass it on.
    NeedInput(Box<InputNeed>),
}

impl Error {
    /// The arguments are not usable. Say which, and what would be.
    pub fn invalid_arguments(message: impl Display) -> Self {
        Self::InvalidArguments(message.to_string())
    }

    /// The caller may not do this.
    pub fn denied(message: impl Display) -> Self {
        Self::Denied(message.to_string())
    }

    /// It did not work now and had no effect: running it again is safe and may help. See [`Error::after`].
    pub fn retryable(message: impl Display) -> Self {
        Self::Retryable { message: message.to_string(), after: None }
    }

    /// It did not work. Made to be handed to `map_err`.
    pub fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// The plugin itself is at fault.
    pub fn internal(message: impl Display) -> Self {
        Self::Internal(message.to_string())
    }

    /// There is nothing by that URI.
    pub fn not_found() -> Self {
        Self::NotFound
    }

    /// Says how long to wait before the call is run again. Makes the error [retryable](Error::Retryable) if it was not.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self::Retryable { message: self.message().to_owned(), after: Some(wait) }
    }

    /// What went wrong, in words.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidArguments(message)
            | Self::Denied(message)
            | Self::Retryable { message, .. }
            | Self::Failed(message)
            | Self::Internal(message) => message,
            Self::NotFound => NOT_FOUND,
            Self::NeedInput(_) => NEED_INPUT,
        }
    }
}

const NOT_FOUND: &str = "there is nothing by that name";
const NEED_INPUT: &str = "more input is needed";

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Many errors already say what their source says.
            let said = cause.to_string();
            if !message.contains(&said) {
                message.push_str(": ");
                message.push_str(&said);
            }
            source = cause.source();
        }
        Self::Failed(message)
    }
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidArguments(message) => Self::InvalidArguments(message),
            Error::Denied(message) => Self::Denied(message),
            Error::Retryable { message, after } => Self::Retryable(RetryHint {
                message,
                after_ms: after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            }),
            Error::Failed(message) => Self::Failed(message),
            Error::Internal(message) => Self::Internal(message),
            Error::NotFound => Self::Failed(NOT_FOUND.into()),
            // Where it can be asked for, it was taken out before.
            Error::NeedInput(_) => Self::Internal("lists and suggestions cannot ask for input".into()),
        }
    }
}

/// What a tool's `Result` may hold as its error: an [`Error`], or anything that can be displayed, which then is an
/// [`Error::Failed`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a tool",
    label = "give it `Display`, or use `toolyard_plugin::Error`"
)]
pub trait ToolError {
    /// Turns it into the error that the host is told.
    fn into_error(self) -> Error;
}

impl ToolError for Error {
    fn into_error(self) -> Error {
        self
    }
}

impl<E: Display> ToolError for E {
    fn into_error(self) -> Error {
        // The alternate form is how `anyhow` and its like show the whole chain.
        Error::Failed(fmt::format(format_args!("{self:#}")))
    }
}
