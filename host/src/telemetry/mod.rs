//! What the host tells its operator of itself: the log, and traces.

mod context;
mod export;
mod log;
mod traces;

pub use export::{Exporting, start as start_traces};
pub use log::{LogFilter, LogFormat, LogSettings, set as set_log, start as start_log};
pub use traces::{Begun, KeyValue, Open, Span, SpanKind, Trace, Tracer, begin, here, within};
