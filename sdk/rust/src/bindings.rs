//! What wit-bindgen makes of the contract in `wit/`. Nothing here is written by hand; `lib.rs` shows the parts that plugins use.

#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "toolyard:plugin/tools-plugin",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "toolyard_plugin::__private::bindings",
    additional_derives: [PartialEq],
    generate_unused_types: true,
    generate_all,
});
