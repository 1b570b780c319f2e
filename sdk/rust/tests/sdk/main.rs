//! What the macro makes of a module, seen from the outside.

mod asking;
mod completions;
mod content;
mod forms;
mod granted;
mod prompts;
mod resources;
mod tools;
