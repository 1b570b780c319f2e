//! Lists without an era: pages of the catalog, and cursors that stay good when plugins come and go.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::{
    Server,
    call::or_fault,
    caller::Caller,
    fault::Fault,
    interact::Round,
    recorded::{self, About},
    runner::{Runner, context, plain_run},
    visitor::Visitor,
};
use crate::{
    audit::{Audit, record::Outcome},
    auth::Principal,
    catalog::{Catalog, Plugin, Program, Prompt, Tool},
    ids::PluginId,
    policy::What,
    sandbox::contract::{Resource, ResourcePage, ResourceTemplate},
};

/// Things on one page. Most hosts have fewer in all; a client that ignores cursors then still sees everything.
const PAGE_MAX: usize = 250;

/// A page, and where the next one begins.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// Where a page begins: at a place within a plugin, or at the plugin after it if it is gone. Opaque to clients, not secret.
#[derive(Serialize, Deserialize)]
struct Cursor {
    plugin: PluginId,
    place: usize,
    /// Where the plugin itself says that its list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<String>,
    /// There is no more of this plugin. It is named because the client has seen something of it; the next one it may not know.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    done: bool,
}

/// The page of those tools at `cursor` that the visitor may know of; no cursor, or an empty one, is the beginning.
pub(super) fn tools(visitor: &Visitor, cursor: Option<&str>) -> Result<Page<Arc<Tool>>, Fault> {
    let known = |_: &Plugin, tool: &Arc<Tool>| visitor.knows(&What::tool(tool));
    page(&visitor.catalog(), cursor, Plugin::tools, known)
}

/// The page of prompts.
pub(super) fn prompts(visitor: &Visitor, cursor: Option<&str>) -> Result<Page<Arc<Prompt>>, Fault> {
    let known = |_: &Plugin, prompt: &Arc<Prompt>| visitor.knows(&What::prompt(prompt));
    page(&visitor.catalog(), cursor, Plugin::prompts, known)
}

/// The page of resource templates.
pub(super) fn templates(visitor: &Visitor, cursor: Option<&str>) -> Result<Page<ResourceTemplate>, Fault> {
    let known = |plugin: &Plugin, template: &ResourceTemplate| {
        visitor.knows(&What::template(plugin.program(), &template.uri_template))
    };
    page(&visitor.catalog(), cursor, Plugin::templates, known)
}

/// A cursor counts, and names, only what the visitor may know of.
fn page<T: Clone>(
    catalog: &Catalog,
    cursor: Option<&str>,
    items: impl Fn(&Plugin) -> &[T],
    known: impl Fn(&Plugin, &T) -> bool,
) -> Result<Page<T>, Fault> {
    let from = Cursor::parse(cursor)?;
    let mut found = Vec::new();
    for plugin in catalog.plugins_from(from.as_ref().map(|from| &from.plugin)) {
        let skipped = from.as_ref().filter(|from| from.plugin == *plugin.id()).map_or(0, |from| from.place);
        for (place, item) in items(plugin).iter().filter(|item| known(plugin, item)).enumerate().skip(skipped) {
            if found.len() == PAGE_MAX {
                let next = Cursor { plugin: plugin.id().clone(), place, own: None, done: false };
                return Ok(Page { items: found, next: Some(next.encode()) });
            }
            found.push(item.clone());
        }
    }
    Ok(Page { items: found, next: None })
}

/// The page of resources: the plugins are asked, one after the other, until there are enough. One that fails is left out, so
/// that it does not hide the others.
pub(super) async fn resources(
    server: &Server,
    visitor: &Visitor,
    caller: &Arc<Caller>,
    cursor: Option<&str>,
) -> Result<Page<Resource>, Fault> {
    let from = Cursor::parse(cursor)?;
    let plugins: Vec<Arc<Plugin>> = {
        let catalog = visitor.catalog();
        let done = from.as_ref().filter(|from| from.done).map(|from| &from.plugin);
        let from = catalog.plugins_from(from.as_ref().map(|from| &from.plugin));
        from.filter(|plugin| plugin.has_resources() && done != Some(plugin.id())).cloned().collect()
    };
    let mut found = Vec::new();
    for (count, plugin) in plugins.iter().enumerate() {
        let own = from.as_ref().filter(|from| from.plugin == *plugin.id()).and_then(|from| from.own.clone());
        let mut own = own;
        loop {
            let page = match ask(&server.core.runner, &visitor.principal, caller, plugin, own.clone()).await {
                Ok(page) => page,
                Err(fault @ Fault::Busy) => return Err(fault),
                Err(fault) => {
                    tracing::warn!(tenant = %plugin.program().tenant, plugin = %plugin.id(), reason = fault.message(), "its resources are left out of the list");
                    break;
                }
            };
            let known = |resource: &Resource| visitor.knows(&What::resource(plugin.program(), &resource.uri));
            found.extend(page.items.into_iter().filter(known));
            own = page.next;
            let Some(next) = &own else { break };
            if found.len() >= PAGE_MAX {
                let next = Cursor { plugin: plugin.id().clone(), place: 0, own: Some(next.clone()), done: false };
                return Ok(Page { items: found, next: Some(next.encode()) });
            }
        }
        if count + 1 < plugins.len() && found.len() >= PAGE_MAX {
            let next = Cursor { plugin: plugin.id().clone(), place: 0, own: None, done: true };
            return Ok(Page { items: found, next: Some(next.encode()) });
        }
    }
    Ok(Page { items: found, next: None })
}

async fn ask(
    runner: &Runner,
    principal: &Arc<Principal>,
    caller: &Arc<Caller>,
    plugin: &Plugin,
    cursor: Option<String>,
) -> Result<Page<Resource>, Fault> {
    let program = plugin.program();
    let _slot = runner.slot(program).await?;
    let audit = runner.audit.clone();
    let list = list(audit, Arc::clone(program), Arc::clone(principal), Arc::clone(caller), cursor.clone());
    let page = runner.in_lane(Arc::clone(&program.score), list.boxed()).await?;
    if cursor.is_some() && page.next == cursor {
        return Err(Fault::Internal("its list goes on where it began".into()));
    }
    let ours = |resource: &Resource| program.prefixes.iter().any(|prefix| resource.uri.starts_with(prefix));
    let items = page.resources.into_iter().filter(|resource| {
        let ours = ours(resource);
        if !ours {
            tracing::warn!(tenant = %program.tenant, plugin = %program.id, uri = ?resource.uri, "lists a resource that it does not answer for");
        }
        ours
    });
    Ok(Page { items: items.take(PAGE_MAX).collect(), next: page.next })
}

/// The plugin's own page.
async fn list(
    audit: Audit,
    program: Arc<Program>,
    principal: Arc<Principal>,
    caller: Arc<Caller>,
    cursor: Option<String>,
) -> Result<ResourcePage, Fault> {
    let scopes: Vec<&str> = principal.scopes.iter().map(String::as_str).collect();
    let round = Round::first();
    let context = context(&caller, &principal, &scopes, program.limits.timeout(), &round.idempotency_key, None);
    let (principal, caller, run) = (&*principal, &*caller, plain_run(&program));
    let about = About { principal, program: &program, caller, method: "resources/list", name: "", call: None };
    let work = async { or_fault(&program, program.component.list_resources(cursor.as_deref(), context, run).await) };
    recorded::recorded(&audit, about, work, |_| Outcome::Answered).await
}

impl Cursor {
    fn parse(text: Option<&str>) -> Result<Option<Self>, Fault> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let cursor = BASE64URL.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
        cursor.map(Some).ok_or_else(|| Fault::InvalidParams("`cursor` is not one that this server gave out".into()))
    }

    fn encode(&self) -> String {
        BASE64URL.encode(super::to_json(self))
    }
}
