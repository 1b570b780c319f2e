//! From what a function returns to what a tool gives back, or what a resource holds.
//!
//! A `String` is text, a struct is structured content, and both are just types that implement `Serialize` and
//! `JsonSchema`. So the choice is made where the type is known: in the code that the macro writes, by method resolution.
//! [`Returned`] stands for the type; `ViaContent` is found first, `ViaStructured` for all the rest.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;

use crate::schema::{inline_schema, output_schema};
use crate::{Content, Error, IntoResourceContents, ResourceContents, ToolError, ToolResult};

/// What becomes an answer as it is: text, content, a whole [`ToolResult`], or nothing. Implement it for a type of your own
/// that is neither.
pub trait IntoToolResult {
    /// The answer.
    fn into_tool_result(self) -> ToolResult;
}

impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> ToolResult {
        self
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> ToolResult {
        ToolResult::new([])
    }
}

impl IntoToolResult for String {
    fn into_tool_result(self) -> ToolResult {
        self.into()
    }
}

impl IntoToolResult for &str {
    fn into_tool_result(self) -> ToolResult {
        self.into()
    }
}

impl IntoToolResult for Content {
    fn into_tool_result(self) -> ToolResult {
        self.into()
    }
}

impl IntoToolResult for Vec<Content> {
    fn into_tool_result(self) -> ToolResult {
        ToolResult::new(self)
    }
}

/// Stands for the type `T` that a function returns.
pub struct Returned<T>(PhantomData<fn() -> T>);

impl<T> Returned<T> {
    /// For a type that is written down.
    #[expect(clippy::new_without_default, reason = "only the macro's code makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

// The bound is on the method, so that an error type that does not fit is told what it lacks. The same goes for
// `ViaStructured` below.
impl<T, E> Returned<Result<T, E>> {
    /// The same for what a `Result` holds.
    pub const fn ok(&self) -> Returned<T> {
        Returned::new()
    }

    /// Takes the error out of the way.
    pub fn check(&self, returned: Result<T, E>) -> Result<T, Error>
    where
        E: ToolError,
    {
        returned.map_err(ToolError::into_error)
    }
}

impl<T> Returned<Option<T>> {
    /// The same for what an `Option` holds.
    pub const fn some(&self) -> Returned<T> {
        Returned::new()
    }
}

/// Types that are an answer.
pub trait ViaContent<T> {
    /// None: the answer has no structure.
    fn output_schema(&self) -> Option<String>;
    /// The answer.
    fn result(&self, returned: T) -> Result<ToolResult, Error>;
}

impl<T: IntoToolResult> ViaContent<T> for &Returned<T> {
    fn output_schema(&self) -> Option<String> {
        None
    }

    fn result(&self, returned: T) -> Result<ToolResult, Error> {
        Ok(returned.into_tool_result())
    }
}

/// Types that are data.
pub trait ViaStructured<T> {
    /// The schema of the data, unless it allows everything.
    fn output_schema(&self) -> Option<String>
    where
        T: Structured;
    /// The data as structured content.
    fn result(&self, returned: T) -> Result<ToolResult, Error>
    where
        T: Structured;
}

impl<T> ViaStructured<T> for Returned<T> {
    fn output_schema(&self) -> Option<String>
    where
        T: Structured,
    {
        output_schema(inline_schema::<T>)
    }

    fn result(&self, returned: T) -> Result<ToolResult, Error>
    where
        T: Structured,
    {
        ToolResult::structured(&returned)
    }
}

/// Data that a tool can return.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "derive `Serialize` and `JsonSchema` for it, or return text, `Content` or `ToolResult`"
)]
pub trait Structured: Serialize + JsonSchema {}

impl<T: Serialize + JsonSchema> Structured for T {}

/// Types that are a resource's contents.
pub trait ViaContents<T> {
    /// What they are unless somebody says: nobody knows.
    fn mime_type(&self) -> Option<&'static str>;
    /// The contents.
    fn contents(&self, returned: T) -> Result<Vec<ResourceContents>, Error>;
}

impl<T: IntoResourceContents> ViaContents<T> for &Returned<T> {
    fn mime_type(&self) -> Option<&'static str> {
        None
    }

    fn contents(&self, returned: T) -> Result<Vec<ResourceContents>, Error> {
        Ok(returned.into_resource_contents())
    }
}

/// Types that are data.
pub trait ViaJson<T> {
    /// What they are unless somebody says.
    fn mime_type(&self) -> Option<&'static str>
    where
        T: Readable;
    /// The data as JSON text.
    fn contents(&self, returned: T) -> Result<Vec<ResourceContents>, Error>
    where
        T: Readable;
}

impl<T> ViaJson<T> for Returned<T> {
    fn mime_type(&self) -> Option<&'static str>
    where
        T: Readable,
    {
        Some("application/json")
    }

    fn contents(&self, returned: T) -> Result<Vec<ResourceContents>, Error>
    where
        T: Readable,
    {
        Ok(vec![ResourceContents::text(json(&returned)?)])
    }
}

/// Data that a resource can hold.
#[diagnostic::on_unimplemented(
    message = "a resource cannot hold `{Self}`",
    label = "derive `Serialize` for it, or return text, bytes or `ResourceContents`"
)]
pub trait Readable: Serialize {}

impl<T: Serialize> Readable for T {}

/// A value that a plugin gives back, as JSON text.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal(format_args!("the result cannot be said in JSON: {error}")))
}
