//! How this server introduces itself: made once for each configuration.

use serde_json::{Value, json, value::RawValue};

use super::raw;
use crate::config::Identity;

pub(super) struct Face {
    /// For the model.
    pub(super) instructions: Option<String>,
    /// `serverInfo` of legacy results.
    pub(super) server_info: Box<RawValue>,
    /// `_meta` of modern results.
    pub(super) modern_meta: Box<RawValue>,
}

impl Face {
    pub(super) fn new(identity: &Identity) -> Self {
        let server_info = raw(&identity.to_json());
        let modern_meta = raw(&json!({ "io.modelcontextprotocol/serverInfo": server_info }));
        Self { instructions: identity.instructions.clone(), server_info, modern_meta }
    }
}

impl Identity {
    /// `Implementation`
    fn to_json(&self) -> Value {
        let mut info = json!({ "name": self.name, "version": self.version });
        let mut put = |key: &str, value: Option<Value>| {
            if let (Value::Object(info), Some(value)) = (&mut info, value) {
                info.insert(key.to_owned(), value);
            }
        };
        put("title", self.title.as_deref().map(Value::from));
        put("websiteUrl", self.website_url.as_deref().map(Value::from));
        put("icons", (!self.icons.is_empty()).then(|| json!(self.icons)));
        info
    }
}
