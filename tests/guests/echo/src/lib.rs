//! A plugin that does what tests and benchmarks ask of it: each tool shows one thing a plugin can do.

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin]
pub mod echo {
    use std::thread::sleep;
    use std::time::Duration;

    use toolyard_plugin::log::{Level, write};
    use toolyard_plugin::{Context, Error, JsonSchema, Serialize};

    /// Says the message back.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn echo(
        /// What to say back.
        message: String,
    ) -> String {
        message
    }

    /// The sum of two numbers.
    #[derive(Serialize, JsonSchema)]
    pub struct Sum {
        /// `a` and `b` together.
        pub sum: i64,
    }

    /// Adds two whole numbers.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn add(a: i64, b: i64) -> Result<Sum, Error> {
        match a.checked_add(b) {
            Some(sum) => Ok(Sum { sum }),
            None => Err(Error::invalid_arguments("the sum of `a` and `b` is beyond 64 bits: take smaller numbers")),
        }
    }

    /// Reports progress `steps` times, and says how often it did.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn progress(
        context: &Context,
        /// How often to report.
        steps: u32,
        /// How long to wait before each report, in milliseconds.
        #[arg(default = 0)]
        delay_ms: u32,
    ) -> String {
        for step in 1..=steps {
            if delay_ms > 0 {
                sleep(Duration::from_millis(delay_ms.into()));
            }
            context.progress(step, steps, &format!("step {step} of {steps}"));
        }
        format!("{steps} steps done")
    }

    /// Fails.
    pub fn fail(
        /// What to say about it.
        message: String,
    ) -> Result<(), Error> {
        Err(Error::Failed(message))
    }

    /// What the tool `context` was told about its call.
    #[derive(Serialize, JsonSchema)]
    pub struct Told {
        pub tenant: String,
        pub subject: String,
        pub scopes: Vec<String>,
        pub client_name: Option<String>,
        pub client_version: Option<String>,
        /// The client's capabilities, under their names in the contract.
        pub capabilities: Vec<String>,
        pub deadline_ms: u64,
        pub attempt: u32,
        pub idempotency_key: String,
        pub wants_progress: bool,
        pub traceparent: Option<String>,
        pub tracestate: Option<String>,
        pub baggage: Option<String>,
        /// The client's own `_meta`, as JSON text.
        pub meta: Option<String>,
    }

    /// Gives back the context of the call.
    #[tool(read_only)]
    pub fn context(context: &Context) -> Told {
        let trace = context.trace.clone();
        let (tracestate, baggage) = trace.clone().map_or((None, None), |trace| (trace.tracestate, trace.baggage));
        let capabilities = context.client.capabilities.iter_names();
        Told {
            tenant: context.tenant.clone(),
            subject: context.subject.clone(),
            scopes: context.scopes.clone(),
            client_name: context.client.name.clone(),
            client_version: context.client.version.clone(),
            capabilities: capabilities.map(|(name, _)| name.to_ascii_lowercase().replace('_', "-")).collect(),
            deadline_ms: context.deadline_ms,
            attempt: context.attempt,
            idempotency_key: context.idempotency_key.clone(),
            wants_progress: context.wants_progress,
            traceparent: trace.map(|trace| trace.traceparent),
            tracestate,
            baggage,
            meta: context.meta.clone(),
        }
    }

    /// Writes one line to the host's log.
    #[tool(read_only)]
    pub fn log(
        /// `trace`, `debug`, `info`, `warn`, `error` or `critical`.
        level: String,
        /// What to write.
        message: String,
    ) -> Result<(), Error> {
        let level = match level.as_str() {
            "trace" => Level::Trace,
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warn" => Level::Warn,
            "error" => Level::Error,
            "critical" => Level::Critical,
            _ => return Err(Error::invalid_arguments("`level` is none of trace, debug, info, warn, error, critical")),
        };
        write(level, "echo", format_args!("{message}"));
        Ok(())
    }
}
