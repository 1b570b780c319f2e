//! A plugin that does what a test wrote into it.
//!
//! The component carries a block of spaces behind a marker. The test harness writes a script over it, as JSON: which tools,
//! prompts and resources to describe, and what each does when it is asked, such as looping for ever. Every script so makes a
//! component of its own, with a digest of its own, and what is bad about a plugin stands in the test that is about it.
//!
//! It is written against the contract itself, with no SDK in between, since no SDK would let it be this rude.

mod act;
mod ask;
mod completions;
mod deed;
mod prompts;
mod resources;
mod script;
mod tools;

/// What `wit-bindgen` makes of the contract.
mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "plugin", generate_all });
    export!(Scripted with_types_in self);
    use super::Scripted;
}

/// Each interface is in the file of its name.
struct Scripted;
