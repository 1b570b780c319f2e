//! Running strangers' code: the only module that knows wasmtime.
//!
//! A [`Sandbox`] turns the bytes of a component into a [`Component`]; a component runs each call in a store and an
//! instance of its own, which are gone when the call ends. Nothing here knows the protocol, tenants or files.

mod cache;
mod call;
mod component;
pub mod contract;
mod engine;
mod granted;
mod host_api;
mod lanes;
mod limits;
mod network;
mod plain;
mod sections;
mod turns;
mod warm;
mod written;

pub use call::{CallError, Run, Said, Voice};
pub use component::{Component, Description, LoadError, Ran};
pub use engine::{Options, Sandbox, Settings};
pub use granted::{Granted, Outside};
pub use lanes::{InLane, Lanes, Score, Spent};
pub use limits::Longer;
pub use network::Network;
pub use sections::{defines_resources, wishes, wishes_section};
pub use written::WRITTEN_PAGE_BYTES;
