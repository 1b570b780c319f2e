//! The servers that the host is compared with, each run as a process of its own.
//!
//! Both run as the host does: tokio with one worker for each core they are given, TCP_NODELAY on every connection, the same
//! allocator. Without TCP_NODELAY rmcp as shipped answers a few hundred requests a second, which would measure the peer's
//! acknowledgement timer and not the server.

pub(crate) mod floor;
pub(crate) mod native;

use std::io::{Write as _, stdout};

use anyhow::Result;
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// Serves `router` on a free loopback port until it is killed, and says where in the words of `toolyard serve --json`.
#[tokio::main]
async fn serve(router: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ready = serde_json::json!({ "url": format!("http://{}/mcp", listener.local_addr()?) });
    writeln!(stdout(), "{ready}")?;
    let listener = listener.tap_io(|stream| {
        // A connection that is already gone cannot be set, and needs not be.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
