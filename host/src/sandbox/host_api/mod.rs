//! What a guest can reach of the host: one file for each import.

mod changes;
mod config;
mod files;
mod http;
mod keyvalue;
mod logging;
mod output;
mod progress;
mod sockets;

pub(super) use files::{Folder, OpenFiles};
pub(super) use http::{Hooks, Outbound};
pub(super) use keyvalue::Keyspace;
pub use keyvalue::{Bucket, Cas};
pub(super) use output::{LogPipe, Stream};
pub(super) use progress::Progress;
pub(super) use sockets::{Dialer, Sockets};

use wasmtime::component::{HasSelf, Linker};

use super::{call::CallState, contract};

/// Links every import once; each call brings its own [`CallState`].
pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    // All of WASI 0.2. With the context that a call gets its functions are there and answer with an error where nothing was
    // granted, so that components which merely mention them still load.
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    files::link(linker)?;
    http::link(linker)?;
    sockets::link(linker)?;
    contract::toolyard::plugin::changes::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::toolyard::plugin::progress::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::wasi::config::store::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::wasi::keyvalue::store::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::wasi::keyvalue::atomics::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::wasi::keyvalue::batch::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    contract::wasi::logging::logging::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    Ok(())
}
