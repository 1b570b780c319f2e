//! Asking for the folders the client works in.

use serde::{Deserialize, Serialize};

use super::sealed::Sealed;
use super::{Question, Result};
use crate::bindings::toolyard::plugin::types::InputRequest;

/// The question for the folders the client works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots;

/// A folder, or a file, that the client works in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Such as `file:///home/ada/project`. On the client's machine: a plugin cannot look into it.
    pub uri: String,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Sealed for Roots {}

impl Question for Roots {
    type Answer = Vec<Root>;

    fn request(&self) -> Result<InputRequest> {
        Ok(InputRequest::Roots)
    }

    fn read(&self, response: &str) -> Result<Vec<Root>, String> {
        let result: ListRootsResult = serde_json::from_str(response).map_err(|error| error.to_string())?;
        Ok(result.roots)
    }
}

#[derive(Deserialize)]
struct ListRootsResult {
    roots: Vec<Root>,
}
