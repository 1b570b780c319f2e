//! `/api/v1/…`: what the host is doing at this moment, and two things that it can be told to do.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, Uri},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Shared, audited, grants, guard, reply};
use crate::{
    audit::record::Told,
    catalog::{Plugin, Tenant, Tool},
    clock,
    config::TaskMode,
    denials,
    ids::TenantId,
    inflight::{self, Pace},
    mcp::Server,
};

/// Entries of a list, where nobody asks for another number; and how many they may ask for.
const LIMIT: usize = 200;
const LIMIT_MAX: usize = 10_000;

/// Open tasks that are looked at: each is a question to the store.
const TASKS_MAX: usize = 100;

/// Of why something was not done, the trail has so much; whoever asked was told all of it.
const REASON_CHARS_MAX: usize = 1000;

/// What is looked at.
pub struct Watched {
    pub server: Arc<Server>,
    /// Calls that run at once.
    pub calls_max: u32,
    pub reload: Reload,
    /// `None`: there is no audit trail.
    pub audited: Option<Audited>,
}

/// Reads anew what can be read anew, and says what came of it: a sentence for the operator, either way.
pub type Reload = Box<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// The last so many records of the audit trail, the newest first.
pub type Audited = Box<dyn Fn(usize) -> Vec<Value> + Send + Sync>;

type Api = State<Arc<Shared>>;

/// Who asks.
type Peer = ConnectInfo<SocketAddr>;

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/host", get(host))
        .route("/tenants", get(tenants))
        .route("/refused", get(refused))
        .route("/plugins", get(plugins))
        .route("/calls", get(calls))
        .route("/latencies", get(latencies))
        .route("/denials", get(denials))
        .route("/tasks", get(tasks))
        .route("/audit", get(audit))
        .route("/reload", post(reload))
        .route("/drain", post(drain))
        .fallback(async || {
            reply::refused(StatusCode::NOT_FOUND, "there is nothing here; docs/admin.md names what there is")
        })
        .method_not_allowed_fallback(async || {
            reply::refused(StatusCode::METHOD_NOT_ALLOWED, "ask by GET; `reload` and `drain` are told by POST")
        })
        .layer(from_fn_with_state(Arc::clone(shared), guarded))
        .with_state(Arc::clone(shared))
}

/// Nothing of it is for anybody without the key.
async fn guarded(State(shared): Api, ConnectInfo(peer): Peer, request: Request, next: Next) -> Response {
    let (headers, peer) = (request.headers(), peer.ip());
    let allowed = guard::for_here(&shared.parts, peer, headers)
        .and_then(|()| guard::from_here(&shared.parts, peer, headers))
        .and_then(|()| guard::authorized(&shared.parts, peer, headers));
    match allowed {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
    }
}

impl Shared {
    fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.parts.watched.server.tenants().all()
    }

    /// Writes down that the host was told to do something, and why it was not done, if it was not.
    fn note(&self, action: &'static str, peer: SocketAddr, reason: Option<&str>) {
        let outcome = if reason.is_some() { "refused" } else { "done" };
        let reason: Option<String> = reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect());
        let (address, reason) = (peer.ip(), reason.as_deref());
        self.parts.watched.server.audit().note(&Told { action, outcome, address, reason });
    }
}

/// What stands behind the `?`.
struct Asked(BTreeMap<String, String>);

impl Asked {
    fn of(uri: &Uri) -> Self {
        Self(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// What is asked for under that name, if anything is.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn limit(&self) -> usize {
        self.text("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT).min(LIMIT_MAX)
    }
}

async fn host(State(shared): Api) -> Response {
    let (mut plugins, mut tools, mut refused, mut held) = (0, 0, 0, 0);
    let tenants = shared.tenants();
    for tenant in &tenants {
        let catalog = tenant.live.now();
        refused += catalog.refused().len();
        held += catalog.held().count();
        for plugin in catalog.plugins() {
            plugins += 1;
            tools += plugin.tools().len();
        }
    }
    reply::told(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "ready": !shared.stop.is_cancelled(),
        // What is told in moments is of this clock, which is not the reader's.
        "now_ms": clock::now_ms(),
        "up_s": shared.began.elapsed().as_secs(),
        "tenants": tenants.len(),
        "plugins": plugins,
        "tools": tools,
        "refused": refused,
        "held": held,
        "calls_in_flight": inflight::count(),
        "calls_max": shared.parts.watched.calls_max,
        "denials": denials::count(),
    }))
}

async fn tenants(State(shared): Api, uri: Uri) -> Response {
    let limit = Asked::of(&uri).limit();
    let mut sums: BTreeMap<TenantId, Sum> = BTreeMap::new();
    for pace in inflight::paces() {
        sums.entry(pace.tenant.clone()).or_default().add(&pace);
    }
    let tenants = shared.tenants();
    let told = tenants.iter().take(limit).map(|tenant| {
        let catalog = tenant.live.now();
        let sum = sums.remove(&tenant.id).unwrap_or_default();
        json!({
            "tenant": tenant.id,
            "public": tenant.is_public(),
            "plugins": catalog.plugins().count(),
            "tools": catalog.plugins().map(|plugin| plugin.tools().len()).sum::<usize>(),
            "refused": catalog.refused().len(),
            "held": catalog.held().count(),
            "calls": sum.calls,
            "failed": sum.failed,
            "in_flight": sum.in_flight,
            "recent": sum.recent,
            "recent_failed": sum.recent_failed,
        })
    });
    let told: Vec<_> = told.collect();
    reply::told(&json!({ "left_off": tenants.len() - told.len(), "tenants": told }))
}

/// The calls of a tenant's tools.
#[derive(Default)]
struct Sum {
    calls: u64,
    failed: u64,
    in_flight: u64,
    recent: u64,
    recent_failed: u64,
}

impl Sum {
    fn add(&mut self, pace: &Pace) {
        self.calls += pace.calls;
        self.failed += pace.failed;
        self.in_flight += pace.in_flight;
        self.recent += pace.recent;
        self.recent_failed += pace.recent_failed;
    }
}

/// Files that are not served, or not in the version that they hold.
async fn refused(State(shared): Api) -> Response {
    let mut told = Vec::new();
    for tenant in shared.tenants() {
        for refused in tenant.live.now().refused() {
            let file = refused.file.file_name().unwrap_or_default().to_string_lossy();
            told.push(json!({
                "tenant": tenant.id,
                "file": file,
                "digest": refused.digest.map(|digest| digest.to_string()),
                "reason": refused.reason,
                "held": refused.held,
            }));
        }
    }
    reply::told(&json!({ "refused": told }))
}

async fn plugins(State(shared): Api, uri: Uri) -> Response {
    let asked = Asked::of(&uri);
    let tenants = shared.tenants();
    let (mut told, mut left_off) = (Vec::new(), 0_u64);
    for tenant in &tenants {
        if asked.text("tenant").is_some_and(|wanted| wanted != tenant.id.as_str()) {
            continue;
        }
        for plugin in tenant.live.now().plugins() {
            if asked.text("name").is_some_and(|part| !plugin.id().as_str().contains(part)) {
                continue;
            }
            if told.len() < asked.limit() {
                told.push(of_plugin(&tenant.id, plugin));
            } else {
                left_off += 1;
            }
        }
    }
    let names: Vec<_> = tenants.iter().map(|tenant| &tenant.id).collect();
    reply::told(&json!({ "tenants": names, "plugins": told, "left_off": left_off }))
}

fn of_plugin(tenant: &TenantId, plugin: &Plugin) -> Value {
    let wishes = plugin.wishes().iter().map(|wish| {
        json!({
            "what": wish.to_string(),
            "why": wish.why(),
            "optional": wish.is_optional(),
            "granted": wish.is_met(plugin.grants()),
        })
    });
    let grants = grants::against(plugin.grants(), plugin.wishes());
    let grants = grants.into_iter().map(|(what, wished)| json!({ "what": what, "wished": wished }));
    json!({
        "tenant": tenant,
        "name": plugin.id().as_str(),
        "digest": plugin.digest().to_string(),
        "tools": plugin.tools().iter().map(|tool| of_tool(tool)).collect::<Vec<_>>(),
        "prompts": plugin.prompts().iter().map(|prompt| prompt.name().to_string()).collect::<Vec<_>>(),
        "wishes": wishes.collect::<Vec<_>>(),
        "grants": grants.collect::<Vec<_>>(),
    })
}

fn of_tool(tool: &Tool) -> Value {
    let described = tool.described();
    let mut hints = Vec::new();
    if let Some(says) = &described.annotations {
        let told = [
            (says.read_only, "changes nothing"),
            (says.destructive, "may destroy"),
            (says.idempotent, "may be called twice"),
            (says.open_world, "reaches outside"),
        ];
        hints.extend(told.into_iter().filter(|(says, _)| *says == Some(true)).map(|(_, words)| words));
    }
    let task = match tool.task() {
        TaskMode::Never => "never",
        TaskMode::WhenSlow => "when slow",
        TaskMode::AtOnce => "at once",
        TaskMode::Required => "always",
    };
    json!({ "name": tool.name().as_str(), "title": described.title, "hints": hints, "task": task, "scopes": tool.scopes() })
}

async fn calls(uri: Uri) -> Response {
    let (calls, left_off) = inflight::flights(Asked::of(&uri).limit());
    reply::told(&json!({ "calls": calls, "left_off": left_off }))
}

async fn latencies(uri: Uri) -> Response {
    let mut paces: Vec<Pace> = inflight::paces();
    let all = paces.len();
    // Those that are called most are those that matter.
    paces.sort_by_key(|pace| std::cmp::Reverse(pace.calls));
    paces.truncate(Asked::of(&uri).limit());
    let window_s = inflight::WINDOW.as_secs();
    reply::told(&json!({ "window_s": window_s, "left_off": all - paces.len(), "tools": paces }))
}

async fn denials() -> Response {
    reply::told(&json!({ "denials": denials::told() }))
}

async fn tasks(State(shared): Api) -> Response {
    let tasks = shared.parts.watched.server.tasks();
    let (open, more_open) = match tasks.open(TASKS_MAX).await {
        Ok(open) => open,
        Err(error) => {
            let reason = format!("The tasks cannot be read: {error}. Look at the store; this page goes on asking.");
            return reply::refused(StatusCode::SERVICE_UNAVAILABLE, &reason);
        }
    };
    let waiting = open.iter().filter(|task| task.state == "input_required").count();
    let counts = json!({ "working": open.len() - waiting, "input_required": waiting });
    let (ended, mut newest) = tasks.endings();
    newest.extend(open);
    newest.sort_by_key(|task| std::cmp::Reverse((task.updated_ms, task.created_ms)));
    newest.truncate(TASKS_MAX);
    reply::told(&json!({ "open": counts, "more_open": more_open, "ended": ended, "newest": newest }))
}

async fn audit(State(shared): Api, uri: Uri) -> Response {
    let Some(audited) = &shared.parts.watched.audited else {
        return reply::told(&json!({ "configured": false, "records": [] }));
    };
    let records: Vec<_> = audited(Asked::of(&uri).limit()).iter().map(audited::told).collect();
    reply::told(&json!({ "configured": true, "records": records }))
}

async fn reload(State(shared): Api, ConnectInfo(peer): Peer) -> Response {
    tracing::info!("told at the admin listener to read everything anew");
    let done = (shared.parts.watched.reload)().await;
    shared.note("reload", peer, done.as_ref().err().map(String::as_str));
    match done {
        Ok(said) => reply::told(&json!({ "said": said })),
        Err(reason) => reply::refused(StatusCode::CONFLICT, &reason),
    }
}

async fn drain(State(shared): Api, ConnectInfo(peer): Peer) -> Response {
    tracing::info!("told at the admin listener to drain");
    shared.note("drain", peer, None);
    shared.stop.cancel();
    reply::told(&json!({ "said": "The host drains: it takes no new connections, and ends when its calls have ended." }))
}
