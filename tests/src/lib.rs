//! The harness: a host as a process, requests down to the byte, plugins made to order.
//!
//! Everything here fails by panicking, with what it saw: it is for tests.

mod authority;
mod bystander;
pub mod chaos;
mod collector;
mod connection;
mod conversation;
mod dev;
mod events;
mod host;
mod hosts;
mod http;
mod issuer;
mod log;
mod mcp;
mod names;
mod nginx;
mod paths;
mod pipe;
pub mod redis;
mod schemas;
mod script;
mod secured;
mod session;
mod site;
mod tap;
mod tenant;
pub mod trail;
mod wait;

pub use authority::Authority;
pub use bystander::{meanwhile, undisturbed};
pub use collector::{Collector, Span};
pub use connection::Connection;
pub use dev::Dev;
pub use events::Event;
pub use host::{Host, Setup};
pub use hosts::{Hosts, Place, Target};
pub use http::{Reply, Request};
pub use issuer::Issuer;
pub use log::Log;
pub use mcp::{MODERN, modern_request};
pub use names::Names;
pub use nginx::Nginx;
pub use paths::{client_folder, guest, host_program, plugin, target};
pub use pipe::Pipe;
pub use schemas::check_server_card;
pub use script::{hostile, scripted};
pub use secured::ask_secured;
pub use session::Session;
pub use site::{Answer, Site};
pub use tenant::At;
pub use wait::{BUILD_PATIENCE, PATIENCE, eventually};
