//! Writing to the host's log: `log::info!("fetched {count} rows")`.
//!
//! The message goes out under the path of the module that speaks. What the operator's log level leaves out, the host
//! drops.

use std::fmt;

/// How serious a message is.
pub use crate::bindings::wasi::logging::logging::Level;

/// Something that stopped all of the work.
#[doc(inline)]
pub use crate::__log_critical as critical;
/// What helps to find a mistake.
#[doc(inline)]
pub use crate::__log_debug as debug;
/// Something that stopped a part of the work.
#[doc(inline)]
pub use crate::__log_error as error;
/// What happened.
#[doc(inline)]
pub use crate::__log_info as info;
/// Steps inside the plugin's own work.
#[doc(inline)]
pub use crate::__log_trace as trace;
/// Something unusual that did not stop the work.
#[doc(inline)]
pub use crate::__log_warn as warn;

/// Says `message`. `context` names the part of the plugin that speaks. The macros of this module are shorter.
pub fn write(level: Level, context: &str, message: fmt::Arguments<'_>) {
    crate::host::log(level, context, message);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($message:tt)+) => { $crate::__log!(Trace, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($message:tt)+) => { $crate::__log!(Debug, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($message:tt)+) => { $crate::__log!(Info, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($message:tt)+) => { $crate::__log!(Warn, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($message:tt)+) => { $crate::__log!(Error, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_critical {
    ($($message:tt)+) => { $crate::__log!(Critical, $($message)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($message:tt)+) => {
        $crate::log::write($crate::log::Level::$level, ::core::module_path!(), ::core::format_args!($($message)+))
    };
}
