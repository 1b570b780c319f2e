//! `completion/complete` without an era.

use std::sync::Arc;

use super::{
    Server,
    arguments::read_strings,
    call::{or_fault, pairs, unknown},
    caller::Caller,
    fault::Fault,
    interact::Round,
    message::{Params, Reference},
    recorded::{self, About},
    runner::{context, plain_run},
    visitor::Visitor,
};
use crate::{
    audit::record::Outcome,
    catalog::Program,
    policy::Uri,
    sandbox::contract::{self, Completion},
};

/// Values in one answer (MCP 2026-07-28, completion).
const VALUES_MAX: usize = 100;

/// Asks the plugin of the prompt or the template. One that makes no suggestions has none to make.
pub(super) async fn complete(
    server: &Server,
    visitor: &Visitor,
    caller: &Arc<Caller>,
    params: &Params<'_>,
) -> Result<Completion, Fault> {
    let missing = |name: &str| Fault::InvalidParams(format!("`{name}` is missing"));
    let reference = params.reference.as_ref().ok_or_else(|| missing("ref"))?;
    let argument = params.argument.as_ref().ok_or_else(|| missing("argument"))?;
    let known = read_strings("context.arguments", params.context.as_ref().and_then(|context| context.arguments))?;
    let (program, own) = find(visitor, reference)?;
    if !program.component.completes() {
        return Ok(Completion { values: Vec::new(), total: None, has_more: false });
    }
    let (principal, caller) = (Arc::clone(&visitor.principal), Arc::clone(caller));
    let is_prompt = matches!(reference, Reference::Prompt { .. });
    let (name, value) = (argument.name.to_string(), argument.value.to_string());
    let runner = &server.core.runner;
    let _slot = runner.slot(&program).await?;
    let (asked, audit) = (Arc::clone(&program), runner.audit.clone());
    let suggest = async move {
        let reference = match is_prompt {
            true => contract::Reference::Prompt(&own),
            false => contract::Reference::ResourceTemplate(&own),
        };
        let scopes: Vec<&str> = principal.scopes.iter().map(String::as_str).collect();
        let round = Round::first();
        let context = context(&caller, &principal, &scopes, asked.limits.timeout(), &round.idempotency_key, None);
        let about = About {
            principal: &principal,
            program: &asked,
            caller: &caller,
            method: "completion/complete",
            name: &own,
            call: None,
        };
        let (run, known) = (plain_run(&asked), pairs(&known));
        let work =
            async { or_fault(&asked, asked.component.complete(reference, &name, &value, &known, context, run).await) };
        recorded::recorded(&audit, about, work, |_| Outcome::Answered).await
    };
    let mut completion = runner.in_lane(Arc::clone(&program.score), Box::pin(suggest)).await?;
    if completion.values.len() > VALUES_MAX {
        completion.values.truncate(VALUES_MAX);
        completion.has_more = true;
    }
    Ok(completion)
}

/// The plugin to ask, and the plugin's own name for the prompt or template.
fn find(visitor: &Visitor, reference: &Reference<'_>) -> Result<(Arc<Program>, String), Fault> {
    let catalog = visitor.catalog();
    match reference {
        Reference::Prompt { name } => {
            let unknown = || unknown("prompt", name, "prompts/list");
            let prompt = catalog.prompt(name).ok_or_else(unknown)?;
            visitor.permit(prompt, (), unknown)?;
            Ok((prompt.program().clone(), prompt.described().name.clone()))
        }
        Reference::Resource { uri } => {
            let has = |template: &contract::ResourceTemplate| template.uri_template == **uri;
            let unknown = || unknown("resource template", uri, "resources/templates/list");
            if let Some(plugin) = catalog.plugins().find(|plugin| plugin.templates().iter().any(has)) {
                visitor.permit(plugin.program(), Uri::Template(uri), unknown)?;
                return Ok((plugin.program().clone(), uri.to_string()));
            }
            // A URI without variables names itself; there is nothing to complete, and that is no mistake.
            let plugin = catalog.answering_for(uri).ok_or_else(unknown)?;
            visitor.permit(plugin.program(), Uri::Resource(uri), unknown)?;
            Ok((plugin.program().clone(), uri.to_string()))
        }
    }
}
