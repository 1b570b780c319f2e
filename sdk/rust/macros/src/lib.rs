//! The attribute macro of `toolyard-plugin`, which documents it.
//!
//! `module` reads the module that the attribute stands on and finds what it offers. `tool`, `resource`, `prompt` and
//! `completion` read one function into what is meant, with `function` and `parameter` for what they have in common, and
//! `emit` writes the code, in a file for each of them.

mod bounds;
mod completion;
mod docs;
mod emit;
mod function;
mod module;
mod options;
mod parameter;
mod prompt;
mod resource;
mod template;
mod tool;

#[cfg(test)]
mod tests;

/// Makes a plugin of a module: each `pub fn` in it is a tool, or what an attribute on it says.
///
/// A function that is not `pub`, or only `pub(super)`, is a helper. The doc comment of a function is its description.
///
/// # Tools
/// `#[tool(…)]`, which is optional, says more:
///
/// | option | meaning |
/// | --- | --- |
/// | `read_only` | changes nothing |
/// | `destructive` | may delete or overwrite; `destructive = false`: only adds |
/// | `idempotent` | calling twice has the effect of calling once: the host may run a lost call again |
/// | `open_world` | reaches things outside the host; `open_world = false`: does not |
/// | `long_running` | usually takes longer than a client likes to wait |
/// | `input_schema = …` | JSON text, passed on as it stands instead of what the parameters say: a literal, `include_str!`, `json!` |
/// | `output_schema = …` | the same for what is returned |
///
/// and, as all kinds of functions can, `name = "…"` instead of the function's, `title = "…"` for people, `meta = json!({…})`, and
/// `icon = "https://…"` or `icon(src = "…", mime_type = "…", sizes = "48x48 any", theme = "dark")`, which may be repeated.
///
/// Each parameter is an argument, its doc comment the description. Its type implements `Deserialize` and `JsonSchema`; a
/// reference (`&str`, `&[T]`, `&T`, also in an `Option`) is given what the owned type holds. An argument of type `Option<…>` may
/// be left out. A parameter of type `&Context` is given the call's context and is no argument.
///
/// - `#[arg(default = 10)]`: may be left out, and then is this; `#[arg(default)]`: its type's `Default`.
/// - `#[arg(minimum = 1, maximum = 7)]` of a number, `min_length`, `max_length` and `pattern = "…"` of text, `min_items` and
///   `max_items` of a list: what the host holds a call against before it runs.
/// - `#[arg(name = "…")]`: a name other than the parameter's; `#[arg(title = "…")]`: a name for people.
/// - `#[header("Region")]`: clients also send it in the HTTP header `Mcp-Param-Region`, for what stands in front of the host
///   to see. For strings, integers and booleans.
/// - `#[args]`: this one parameter is a struct whose fields are the arguments, or, under an `input_schema`, anything that can be
///   deserialized.
///
/// `String` and `&str` are text, `()` is nothing, `Content`, `Vec<Content>` and `ToolResult` are what they say. Everything
/// else is data: it implements `Serialize` and `JsonSchema`, and the tool gets an output schema. Each may stand in a
/// `Result`, whose error is an `Error` or can be displayed.
///
/// # Resources
/// `#[resource(…)]` says where it is:
///
/// | option | the function | clients see |
/// | --- | --- | --- |
/// | `uri = "notes://today"` | reads this one | an entry in the list |
/// | `uri_template = "notes://{year}/{+name}{?part}"` | has a parameter for each variable | the template |
/// | `prefix = "notes://"` | has one parameter, `uri: &str` | what a list tells of |
///
/// `{name}` is up to the next `/`, `{+name}` goes beyond, what is in `{?name}` may be missing. A variable is decoded, and is of any
/// type that is `FromStr`; where it cannot be read as that, there is nothing by that URI. Where several fit, the first
/// answers that has something.
///
/// Further options are `mime_type = "…"`, `size = 123`, `audience = "user"` (or `"assistant"`, or both), `priority = 0.5`,
/// `last_modified = "…"`, and those above.
///
/// A function returns text, `Vec<u8>` or `&[u8]`, `ResourceContents` or a `Vec` of these, or data that implements `Serialize`,
/// which becomes JSON text. Each may stand in an `Option`, of which `None` says that there is nothing, and that in a `Result`;
/// `Error::not_found()` says the same.
///
/// `#[resources]` is a function that lists what is known only when somebody asks: it returns `Vec<Resource>`, or `ResourcePage`
/// where there is more, and then takes `cursor: Option<&str>`, the `next` of an earlier page.
///
/// # Prompts
/// `#[prompt]`, with the options that all kinds have. Parameters are arguments, of any type that is `FromStr`. Returned are text or
/// `Content`, which the user says, `PromptMessage`, `Vec<PromptMessage>`, or `PromptResult`, each also in a `Result`.
///
/// # Completions
/// `#[complete(prompt = "…", argument = "…")]` or `#[complete(uri_template = "…", argument = "…")]`. The first parameter,
/// `value: &str`, is what the user has typed; further ones, each an `Option`, are other arguments under their names, as far as
/// they are filled in. Returned are `Vec<String>`, `Vec<&str>` or `Completion`, each also in a `Result`.
///
/// # Wishes
/// `#[plugin(wishes = "wishes.toml")]` names a file beside `Cargo.toml` that says which grants the plugin would like, and why:
/// `toolyard inspect` shows that to the operator, who alone decides. It has the shape of the configuration's
/// `[plugin.NAME.grants]`, with `why` in each entry, and reasons in place of values:
///
/// ```toml
/// [[http]]
/// url = "https://api.weather.example/v1/"
/// why = "to ask for the weather"
///
/// [[folders]]
/// guest = "/maps"
/// why = "to read the maps"
///
/// [keyvalue]
/// why = "to keep what was asked for"
///
/// [config]
/// units = "`metric` or `imperial`; `metric` if it is not set"
/// ```
///
/// It becomes the component's custom section `toolyard:wishes`.
///
/// # Types in the module
/// `Serialize`, `Deserialize` and `JsonSchema` can be derived from what `toolyard_plugin` exports under these names: inside
/// of the module, the macro tells the derives where their crates are.
///
/// # What comes out
/// The module gets a `pub static PLUGIN: Plugin`, for tests, and in a component the exports of the contract: only those that the
/// plugin has something for. A crate has one plugin.
#[proc_macro_attribute]
pub fn plugin(attribute: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    module::expand(&attribute.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
