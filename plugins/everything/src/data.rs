//! What the plugin gives back as data.

use schemars::JsonSchema;
use serde::Serialize;

/// The weather somewhere.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Weather {
    pub(crate) city: String,
    /// In degrees Celsius.
    pub(crate) temperature: f64,
    pub(crate) conditions: String,
}

/// What a template leads to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateData {
    pub(crate) id: String,
    pub(crate) template_test: bool,
    pub(crate) data: String,
}
