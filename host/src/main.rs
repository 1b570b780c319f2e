//! The `toolyard` command.

use std::process::ExitCode;

/// Requests make many short-lived allocations on several threads, which is what mimalloc is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    toolyard::cli::main()
}
