//! The integration tests: one binary, since it is linked once.

mod bad_input;
mod cli;
mod clients;
mod context;
mod expect;
mod hostile;
mod legacy;
mod lifecycle;
mod modern;
mod modern_headers;
mod plugins;
mod refused;
mod reload;
mod rmcp_client;
mod sessions;
