//! The resources of a script.

use serde::Deserialize;

use crate::Scripted;
use crate::ask::{Ask, Asked};
use crate::bindings::exports::toolyard::plugin::resources::{
    Guest, ReadOutcome, Resource, ResourceDescription, ResourcePage, ResourceTemplate,
};
use crate::bindings::toolyard::plugin::types::{CallContext, Error, ResourceBody, ResourceContents, Resumption};
use crate::script::Script;

/// What can be read.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScriptedResources {
    prefixes: Vec<String>,
    templates: Vec<String>,
    list: Vec<ScriptedResource>,
    /// How many of the list to give at once. 0: all.
    per_page: usize,
    /// Whether the list cannot be given, and why.
    broken: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedResource {
    uri: String,
    #[serde(default)]
    text: String,
    /// Whether it is read but not listed.
    #[serde(default)]
    hidden: bool,
    /// What to ask before; then the text is what is known.
    #[serde(default)]
    ask: Option<Ask>,
}

impl Guest for Scripted {
    fn describe() -> ResourceDescription {
        let resources = Script::read().resources;
        let templates = resources.templates.into_iter().map(template).collect();
        ResourceDescription { prefixes: resources.prefixes, templates }
    }

    fn list(cursor: Option<String>, _context: CallContext) -> Result<ResourcePage, Error> {
        let resources = Script::read().resources;
        if let Some(reason) = resources.broken {
            return Err(Error::Failed(reason));
        }
        let first: usize =
            cursor.map_or(Ok(0), |cursor| cursor.parse()).map_err(|_| Error::Internal("no cursor".into()))?;
        let count = if resources.per_page == 0 { usize::MAX } else { resources.per_page };
        let listed: Vec<ScriptedResource> = resources.list.into_iter().filter(|resource| !resource.hidden).collect();
        let next = first.saturating_add(count);
        let next = (next < listed.len()).then(|| next.to_string());
        let page = listed.into_iter().skip(first).take(count).map(Resource::from);
        Ok(ResourcePage { resources: page.collect(), next })
    }

    fn read(uri: String, context: CallContext, resume: Option<Resumption>) -> Result<ReadOutcome, Error> {
        let Some(resource) = Script::read().resources.list.into_iter().find(|resource| resource.uri == uri) else {
            return Ok(ReadOutcome::NotFound);
        };
        let text = match resource.ask.map(|ask| ask.go_on(&context, resume.as_ref())).transpose()? {
            Some(Asked::Need(need)) => return Ok(ReadOutcome::NeedInput(need)),
            Some(Asked::Enough(known)) => known.to_string(),
            None => resource.text,
        };
        let body = ResourceBody::Text(text);
        Ok(ReadOutcome::Complete(vec![ResourceContents { uri, mime_type: None, body, meta: None }]))
    }
}

fn template(uri_template: String) -> ResourceTemplate {
    ResourceTemplate {
        name: uri_template.clone(),
        uri_template,
        title: None,
        description: None,
        mime_type: None,
        icons: Vec::new(),
        annotations: None,
        meta: None,
    }
}

impl From<ScriptedResource> for Resource {
    fn from(resource: ScriptedResource) -> Self {
        Resource {
            name: resource.uri.clone(),
            uri: resource.uri,
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: Vec::new(),
            annotations: None,
            meta: None,
        }
    }
}
