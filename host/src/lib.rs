//! Toolyard: a WebAssembly plugin host for MCP tools.
//!
//! [`Host`](host::Host) is the whole; `ARCHITECTURE.md` is the map.

pub mod admin;
pub mod audit;
pub mod auth;
pub mod build;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod denials;
pub mod host;
pub mod hosts;
pub mod http;
pub mod ids;
pub mod inflight;
pub mod json;
pub mod mcp;
pub mod metrics;
pub mod observe;
pub mod policy;
pub mod sandbox;
pub mod seal;
pub mod shutdown;
pub mod signals;
pub mod stamp;
pub mod store;
pub mod supply;
pub mod tasks;
pub mod telemetry;
