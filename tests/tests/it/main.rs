//! The integration tests: one binary, since it is linked once.

mod asking;
mod asking_legacy;
mod asking_modern;
mod bad_input;
mod batches;
mod cancelling;
mod cli;
mod clients;
mod context;
mod expect;
mod hostile;
mod legacy;
mod lifecycle;
mod listening;
mod logging;
mod modern;
mod modern_headers;
mod plugins;
mod refused;
mod reload;
mod rmcp_client;
mod sealed;
mod sessions;
mod stdio;
mod streams;
mod versions;
