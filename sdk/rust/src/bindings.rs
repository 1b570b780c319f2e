//! What wit-bindgen makes of the contract in `wit/`. Nothing here is written by hand; `lib.rs` shows the parts that plugins use.
//!
//! The interfaces that a plugin exports are generated one by one, each with an export macro of its own, over the same types
//! and imports. So a component exports what its plugin has something for, and carries no code for the rest.

#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package toolyard:sdk;
        world imports {
            import toolyard:plugin/types@0.1.0;
            import toolyard:plugin/progress@0.1.0;
            import toolyard:plugin/changes@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    world: "toolyard:sdk/imports",
    additional_derives: [PartialEq],
    generate_unused_types: true,
    generate_all,
});

/// What a plugin has only if it was granted. Their handles cannot be compared, so they are generated without that.
#[cfg(target_family = "wasm")]
pub(crate) mod granted {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package toolyard:sdk;
            world granted {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
            }
        ",
        world: "toolyard:sdk/granted",
        generate_all,
    });
    pub(crate) use wasi::{config, keyvalue};
}

macro_rules! exported {
    ($module:ident, $world:literal, $inline:literal, $export:literal, $bindings:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                inline: $inline,
                world: $world,
                with: { "toolyard:plugin/types@0.1.0": crate::bindings::toolyard::plugin::types },
                pub_export_macro: true,
                export_macro_name: $export,
                default_bindings_module: $bindings,
                additional_derives: [PartialEq],
                generate_unused_types: true,
            });
            pub use exports::toolyard::plugin::$module as wire;
        }
    };
}

exported!(
    tools,
    "toolyard:sdk/tools",
    "package toolyard:sdk; world tools { export toolyard:plugin/tools@0.1.0; }",
    "export_tools",
    "toolyard_plugin::__private::bindings::tools"
);
exported!(
    resources,
    "toolyard:sdk/resources",
    "package toolyard:sdk; world resources { export toolyard:plugin/resources@0.1.0; }",
    "export_resources",
    "toolyard_plugin::__private::bindings::resources"
);
exported!(
    prompts,
    "toolyard:sdk/prompts",
    "package toolyard:sdk; world prompts { export toolyard:plugin/prompts@0.1.0; }",
    "export_prompts",
    "toolyard_plugin::__private::bindings::prompts"
);
exported!(
    completions,
    "toolyard:sdk/completions",
    "package toolyard:sdk; world completions { export toolyard:plugin/completions@0.1.0; }",
    "export_completions",
    "toolyard_plugin::__private::bindings::completions"
);
