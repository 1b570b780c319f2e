//! What the plugin asks for in forms. Fields are optional where a client may send back a part of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Account {
    /// What you want to be called.
    pub(crate) username: String,
    /// Where to write to.
    #[schemars(extend("format" = "email"))]
    pub(crate) email: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Person {
    pub(crate) name: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Preference {
    pub(crate) color: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Confirmation {
    pub(crate) ok: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Deletion {
    pub(crate) confirm: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Topic {
    pub(crate) context: String,
}

/// One field of each kind, with what it shows at first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Defaults {
    /// A string.
    pub(crate) name: String,
    /// An integer.
    pub(crate) age: i64,
    /// A number.
    pub(crate) score: f64,
    /// A choice.
    pub(crate) status: Status,
    /// A boolean.
    pub(crate) verified: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { name: "John Doe".into(), age: 30, score: 95.5, status: Status::Active, verified: true }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Active,
    Inactive,
    Pending,
}

/// A choice of each kind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Choices {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) untitled_single: Option<Untitled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) titled_single: Option<TitledOption>,
    /// Named as revisions before 2025-11-25 do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enumNames" = ["Option One", "Option Two", "Option Three"]))]
    pub(crate) legacy_enum: Option<Legacy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) untitled_multi: Option<Vec<Untitled>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) titled_multi: Option<Vec<TitledChoice>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Untitled {
    Option1,
    Option2,
    Option3,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TitledOption {
    #[schemars(title = "First Option")]
    Value1,
    #[schemars(title = "Second Option")]
    Value2,
    #[schemars(title = "Third Option")]
    Value3,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TitledChoice {
    #[schemars(title = "First Choice")]
    Value1,
    #[schemars(title = "Second Choice")]
    Value2,
    #[schemars(title = "Third Choice")]
    Value3,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Legacy {
    Opt1,
    Opt2,
    Opt3,
}
