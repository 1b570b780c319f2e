//! The attribute macro of `toolyard-plugin`, which documents it.
//!
//! `module` reads the module that the attribute stands on and finds its tools, `tool` and `parameter` read one
//! function and one parameter into what is meant, and `emit` writes the code. A sibling of `#[tool]` (`#[resource]`,
//! `#[prompt]`) is a file beside `tool` and a case in `module`.

mod docs;
mod emit;
mod module;
mod options;
mod parameter;
mod tool;

#[cfg(test)]
mod tests;

/// Makes a plugin of a module: each `pub fn` in it is a tool.
///
/// # Functions
/// The doc comment is the tool's description. `#[tool(…)]` on the function, which is optional, says more:
///
/// | option | meaning |
/// | --- | --- |
/// | `read_only` | changes nothing |
/// | `destructive` | may delete or overwrite; `destructive = false`: only adds |
/// | `idempotent` | calling twice has the effect of calling once: the host may run a lost call again |
/// | `open_world` | reaches things outside the host; `open_world = false`: does not |
/// | `long_running` | usually takes longer than a client likes to wait |
/// | `name = "…"` | a name other than the function's |
/// | `title = "…"` | a name for people |
/// | `icon = "https://…"` | a picture; may be given more than once |
///
/// A function that is not `pub`, or only `pub(super)`, is no tool.
///
/// # Parameters
/// Each parameter is an argument, its doc comment the description. Its type implements `Deserialize` and `JsonSchema`; a
/// reference (`&str`, `&[T]`, `&T`) is given what the owned type holds. An argument of type `Option<…>` may be left out.
/// A parameter of type `&Context` is given the call's context and is no argument.
///
/// - `#[arg(default = 10)]`: may be left out, and then is this; `#[arg(default)]`: its type's `Default`.
/// - `#[arg(name = "…")]`: a name other than the parameter's.
/// - `#[header("Region")]`: clients also send it in the HTTP header `Mcp-Param-Region`, for what stands in front of the host
///   to see. For strings, integers and booleans.
/// - `#[args]`: this one parameter is a struct whose fields are the arguments.
///
/// # Results
/// `String` and `&str` are text, `()` is nothing, `Content`, `Vec<Content>` and `ToolResult` are what they say. Everything
/// else is data: it implements `Serialize` and `JsonSchema`, and the tool gets an output schema. Each may stand in a
/// `Result`, whose error is an `Error` or can be displayed.
///
/// # Types in the module
/// `Serialize`, `Deserialize` and `JsonSchema` can be derived from what `toolyard_plugin` exports under these names: inside
/// of the module, the macro tells the derives where their crates are.
///
/// # What comes out
/// The module gets a `pub static PLUGIN: Plugin`, for tests, and in a component the exports of the contract. A crate has
/// one plugin.
#[proc_macro_attribute]
pub fn plugin(attribute: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    module::expand(&attribute.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
