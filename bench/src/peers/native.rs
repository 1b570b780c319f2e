//! A native MCP server with the same tool and no sandbox: rmcp, the protocol's official Rust SDK.
//!
//! Set up as fast as its options allow: no sessions (`legacy_session_mode` off), plain JSON answers (`json_response`), no
//! keep-alive timers, no event store.
//!
//! There are two of it. One is written as rmcp's documentation shows, with its macros, and so as most servers are; the
//! macros make the table of tools anew for each call, and on the modern wire once more to check the headers. The other
//! implements the handler by hand and makes everything once, which is the most that can be had from rmcp.

use std::sync::{Arc, LazyLock};

use anyhow::Result;
use axum::Router;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::schemars::JsonSchema;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_router};
use serde::Deserialize;

/// The name of its one tool.
pub(crate) const TOOL: &str = "echo";

/// Serves the one that is written as the documentation shows.
pub(crate) fn serve() -> Result<()> {
    serve_handler(|| Documented)
}

/// Serves the one that is written for speed.
pub(crate) fn serve_lean() -> Result<()> {
    serve_handler(|| Lean)
}

fn serve_handler<H: ServerHandler>(handler: impl Fn() -> H + Send + Sync + 'static) -> Result<()> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(handler()), sessions, config);
    super::serve(Router::new().route_service("/mcp", service))
}

#[derive(Clone)]
struct Documented;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Arguments {
    message: String,
}

#[tool_router(server_handler)]
impl Documented {
    #[tool(description = "Gives back the message.")]
    fn echo(&self, Parameters(Arguments { message }): Parameters<Arguments>) -> String {
        message
    }
}

struct Lean;

/// Made once: rmcp asks for it in every modern request, to check headers against the schema.
static ECHO: LazyLock<Tool> = LazyLock::new(|| {
    let mut schema = serde_json::Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), serde_json::json!({ "message": { "type": "string" } }));
    schema.insert("required".to_owned(), serde_json::json!(["message"]));
    Tool::new(TOOL, "Gives back the message.", schema)
});

impl ServerHandler for Lean {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == TOOL).then(|| ECHO.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![ECHO.clone()]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != TOOL {
            return Err(ErrorData::invalid_params("unknown tool", None));
        }
        let message = request.arguments.as_ref().and_then(|arguments| arguments.get("message")?.as_str());
        let message = message.ok_or_else(|| ErrorData::invalid_params("message must be a string", None))?;
        Ok(CallToolResult::success(vec![ContentBlock::text(message)]).into())
    }
}
