//! What a component offers: its description, checked once for each digest and shared by all who have that component.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{HeaderParam, Schema, headers};
use crate::{
    ids::Digest,
    sandbox::{
        Description,
        contract::{self, ResourceTemplate},
    },
};

/// Tools, prompts, templates or prefixes of one plugin.
pub(super) const LISTED_MAX: usize = 1000;

/// All that one component offers. In the component's own order.
pub(super) struct Offer {
    pub(super) tools: Vec<Arc<OfferedTool>>,
    pub(super) prompts: Vec<Arc<contract::Prompt>>,
    /// The beginnings of the URIs that it answers for.
    pub(super) prefixes: Arc<[String]>,
    pub(super) templates: Vec<ResourceTemplate>,
}

/// One tool, its schemas compiled, before anybody has given it a public name.
pub(super) struct OfferedTool {
    pub(super) described: contract::Tool,
    pub(super) input: Schema,
    pub(super) output: Option<Schema>,
    pub(super) headers: Vec<HeaderParam>,
}

/// The offers in use, by component. Tenants with the same plugin share one.
#[derive(Default)]
pub(super) struct Offers {
    known: Mutex<HashMap<Digest, Weak<Offer>>>,
}

impl Offers {
    /// The offer of that component, if somebody has it.
    pub(super) fn get(&self, digest: Digest) -> Option<Arc<Offer>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&digest)?.upgrade()
    }

    /// Shares an offer from now on.
    pub(super) fn put(&self, digest: Digest, offer: &Arc<Offer>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, offer| offer.strong_count() > 0);
        known.insert(digest, Arc::downgrade(offer));
    }
}

impl Offer {
    /// Checks what a component says. The error is a sentence for whoever made it.
    pub(super) fn check(description: Description) -> Result<Self, String> {
        let Description { tools, prompts, resources } = description;
        for (what, count) in [("tool", tools.len()), ("prompt", prompts.len())] {
            if count > LISTED_MAX {
                return Err(format!("describes {count} {what}s; at most {LISTED_MAX} are taken"));
            }
        }
        let (prefixes, templates) = match resources {
            Some(resources) => check_resources(resources)?,
            None => Default::default(),
        };
        Ok(Self {
            tools: tools.into_iter().map(|tool| OfferedTool::check(tool).map(Arc::new)).collect::<Result<_, _>>()?,
            prompts: prompts.into_iter().map(|prompt| check_prompt(prompt).map(Arc::new)).collect::<Result<_, _>>()?,
            prefixes: prefixes.into(),
            templates,
        })
    }
}

impl OfferedTool {
    fn check(described: contract::Tool) -> Result<Self, String> {
        let own = &described.name;
        let input = Schema::compile(&described.input_schema)
            .and_then(Schema::must_take_objects)
            .map_err(|reason| format!("tool `{own}`: its input schema {reason}"))?;
        let output = described.output_schema.as_deref().map(Schema::compile).transpose();
        let output = output.map_err(|reason| format!("tool `{own}`: its output schema {reason}"))?;
        let headers = headers::read(input.value()).map_err(|reason| format!("tool `{own}`: {reason}"))?;
        check_icons("tool", own, &described.icons)?;
        check_meta("tool", own, described.meta.as_deref())?;
        Ok(Self { described, input, output, headers })
    }
}

fn check_prompt(described: contract::Prompt) -> Result<contract::Prompt, String> {
    let own = &described.name;
    let mut arguments = HashSet::new();
    if let Some(twice) = described.arguments.iter().find(|argument| !arguments.insert(&argument.name)) {
        return Err(format!("prompt `{own}`: has two arguments `{}`", twice.name));
    }
    check_icons("prompt", own, &described.icons)?;
    check_meta("prompt", own, described.meta.as_deref())?;
    Ok(described)
}

fn check_resources(
    described: contract::ResourceDescription,
) -> Result<(Vec<String>, Vec<contract::ResourceTemplate>), String> {
    let contract::ResourceDescription { prefixes, templates } = described;
    if prefixes.len() > LISTED_MAX || templates.len() > LISTED_MAX {
        return Err(format!("describes more than {LISTED_MAX} URI prefixes or resource templates"));
    }
    for prefix in &prefixes {
        if !has_scheme(prefix) {
            return Err(format!(
                "answers for `{prefix}`, which is not the beginning of an absolute URI such as `orders://`"
            ));
        }
    }
    for template in &templates {
        let literal = template.uri_template.split('{').next().unwrap_or_default();
        if !prefixes.iter().any(|prefix| literal.starts_with(prefix)) {
            return Err(format!("resource template `{}` begins with none of its prefixes", template.uri_template));
        }
        check_icons("resource template", &template.name, &template.icons)?;
        check_meta("resource template", &template.name, template.meta.as_deref())?;
    }
    Ok((prefixes, templates))
}

/// Whether a text begins with a scheme and a colon (RFC 3986, 3.1).
fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

fn check_icons(what: &str, name: &str, icons: &[contract::Icon]) -> Result<(), String> {
    let fits = |icon: &contract::Icon| icon.src.starts_with("https:") || icon.src.starts_with("data:");
    if icons.iter().all(fits) {
        Ok(())
    } else {
        Err(format!("{what} `{name}`: an icon's `src` must be an https: or data: URI"))
    }
}

fn check_meta(what: &str, name: &str, meta: Option<&str>) -> Result<(), String> {
    let fits = meta.is_none_or(|meta| crate::json::strict(meta).is_ok_and(|meta| meta.is_object()));
    if fits { Ok(()) } else { Err(format!("{what} `{name}`: its meta is not a JSON object")) }
}
