//! What one call may use, as it is written and as it holds.
//!
//! The list of limits stands once, in [`call_limits`]. They can be said for the host, for a tenant, for a plugin and for one
//! of its tools; what is not said holds as it does one level above.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;

/// Modules of a component for which the engine reserves room in each call.
pub const INSTANCES_MAX: usize = 64;

/// The limits of calls: name, type, default. `$define` is a macro that makes something of the list.
macro_rules! call_limits {
    ($define:ident $($before:tt)*) => {
        $define! { $($before)*
            /// Milliseconds that a call may take by the clock on the wall, waiting included.
            // Most clients give up on a plain call after 60 seconds; a tool that says so earlier is told apart from a dead host.
            timeout_ms_max: u64 = 30_000,
            /// Milliseconds that a call may keep a processor.
            cpu_ms_max: u64 = 10_000,
            /// Milliseconds after which a call becomes a task, if its client knows tasks and the tool is made one when it is slow.
            // Long enough that a task is the exception, and far below what clients wait for an answer.
            task_after_ms: u64 = 5_000,
            /// The same as `timeout_ms_max`, for each run of a task.
            task_timeout_ms_max: u64 = 3_600_000,
            /// The same as `cpu_ms_max`, for each run of a task.
            task_cpu_ms_max: u64 = 600_000,
            /// Linear memory of all of the plugin's modules together.
            // Four times what a Python component needs to start.
            memory_bytes_max: usize = 64 << 20,
            /// Elements in each table.
            // Python's largest table has 5,672 elements.
            table_elements_max: usize = 20_000,
            /// Core modules that a component may be made of.
            // Python's has 39; each takes a slot of the pool, which has this many for a call.
            instances_max: usize = INSTANCES_MAX,
            /// Handles that a call may hold at once, such as open files, streams, sockets and sets of headers.
            // Behind each is memory of the host's, at most 128 KiB; far more than a tool needs.
            handles_max: usize = 1024,
            /// What the plugin may hand to the host in one go: its whole result, or one log message.
            // More than any model reads, and room for a screenshot.
            output_bytes_max: usize = 8 << 20,
            /// What a call may write to the log, its standard output and error included; the rest is dropped.
            log_bytes_max: usize = 64 << 10,
            /// Lines of the same.
            log_lines_max: usize = 1_000,
            /// Reports of progress that are passed on in each second; the rest is dropped.
            // A person sees no more, and each is a write to the client's connection.
            progress_per_second_max: u32 = 20,
            /// Calls of one plugin that run at once.
            // A quarter of the host's: one plugin that hangs leaves room for the others.
            plugin_calls_max: u32 = 64,
            /// Calls of one plugin that wait for their turn; those beyond are refused at once.
            plugin_queue_max: u32 = 64,
            /// HTTP requests that a call may make.
            http_requests_max: u32 = 50,
            /// HTTP requests that a call may have open at once, and TCP connections.
            http_connections_max: u32 = 8,
            /// Bytes of one request's body.
            http_request_bytes_max: u64 = 8 << 20,
            /// Bytes of all responses' bodies that a call may read.
            http_response_bytes_max: u64 = 32 << 20,
        }
    };
}
pub(super) use call_limits;

macro_rules! define {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// The bounds of one call. Each has a default that suits an ordinary tool.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Each by its key in the file.
            pub(super) fn listed(&self) -> Vec<(&'static str, serde_json::Value)> {
                vec![$((concat!("limits.", stringify!($name)), self.$name.into()),)+]
            }
        }

        /// Limits as they are written: those that are said.
        #[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct WrittenLimits {
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
        }

        impl WrittenLimits {
            /// What is said here, and `base` for the rest.
            pub(super) fn over(&self, base: &Limits) -> Result<Limits, ConfigError> {
                Limits { $($name: self.$name.unwrap_or(base.$name),)+ }.checked()
            }
        }
    };
}
call_limits!(define);

impl Limits {
    /// How long a call may take by the clock on the wall.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms_max)
    }

    /// How long a call may keep a processor.
    pub fn cpu(&self) -> Duration {
        Duration::from_millis(self.cpu_ms_max)
    }

    /// How long a task may run by the clock on the wall.
    pub fn task_timeout(&self) -> Duration {
        Duration::from_millis(self.task_timeout_ms_max)
    }

    /// The same for a call that is a task, which may take its time.
    pub fn of_tasks(&self) -> Self {
        Self { timeout_ms_max: self.task_timeout_ms_max, cpu_ms_max: self.task_cpu_ms_max, ..self.clone() }
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let zero = |key: &str| ConfigError::new(format!("`{key}` is 0: no call could ever end; use at least 1"));
        match () {
            () if self.timeout_ms_max == 0 => Err(zero("timeout_ms_max")),
            () if self.cpu_ms_max == 0 => Err(zero("cpu_ms_max")),
            () if self.task_timeout_ms_max == 0 => Err(zero("task_timeout_ms_max")),
            () if self.task_cpu_ms_max == 0 => Err(zero("task_cpu_ms_max")),
            () if self.instances_max > INSTANCES_MAX => Err(ConfigError::new(format!(
                "`instances_max` is {}; it can be at most {INSTANCES_MAX}",
                self.instances_max
            ))),
            () if self.plugin_calls_max == 0 => {
                Err(ConfigError::new("`plugin_calls_max` is 0: no call could ever begin; use at least 1"))
            }
            () => Ok(self),
        }
    }
}
