//! Dependencies between the host's modules point down, and each library is known only where it belongs.
//!
//! The tables below are the architecture; `ARCHITECTURE.md` says the same in words. Tests may reach anywhere.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Violation;
use super::source::Source;

/// The modules of `host/src` from top to bottom. A module may use those of lower layers, and not those beside it.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["host", "build"],
    &["http", "admin"],
    &["mcp"],
    &["tasks"],
    &["policy"],
    &["auth"],
    &["catalog"],
    &["supply"],
    &["sandbox"],
    &["hosts"],
    &["store"],
];

/// What every module may use. These use only each other.
const SHARED: &[&str] = &[
    "config",
    "clock",
    "denials",
    "ids",
    "inflight",
    "json",
    "seal",
    "signals",
    "stamp",
    "telemetry",
    "metrics",
    "observe",
    "shutdown",
    "audit",
];

/// Siblings that never use each other.
const STRANGERS: &[[&str; 2]] = &[["mcp::modern", "mcp::legacy"]];

/// What `main.rs` may use of the host.
const MAIN: &[&str] = &["cli"];

/// Libraries, and the modules that may know them.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("axum", &["http", "admin"]),
    ("cedar_policy", &["policy"]),
    ("chacha20poly1305", &["seal"]),
    ("clap", &["cli"]),
    ("hickory_resolver", &["sandbox"]),
    ("hyper", &["http", "admin", "sandbox"]),
    ("hyper_util", &["http", "admin"]),
    ("jsonschema", &["catalog"]),
    ("metrics_exporter_prometheus", &["metrics"]),
    ("mimalloc", &["main"]),
    ("notify", &["build", "catalog", "config"]),
    ("opentelemetry", &["audit", "telemetry"]),
    ("opentelemetry_otlp", &["audit", "telemetry"]),
    ("opentelemetry_sdk", &["audit", "telemetry"]),
    ("redis", &["store"]),
    ("rusqlite", &["store"]),
    ("schemars", &["config", "ids", "telemetry"]),
    ("tokio_rustls", &["http", "sandbox", "store"]),
    ("toml", &["build", "config", "supply"]),
    ("tracing_subscriber", &["telemetry"]),
    ("wasi_preview1_component_adapter_provider", &["build"]),
    ("wasmtime", &["sandbox"]),
    ("wasmtime_wasi", &["sandbox"]),
    ("wasmtime_wasi_http", &["sandbox"]),
    ("wit_component", &["build"]),
    ("wit_parser", &["build"]),
];

/// Words that may stand before a path that begins with `::`, and are not its first name.
const BEFORE_PATHS: &[&str] = &["as", "dyn", "else", "for", "impl", "in", "match", "mut", "return", "use", "where"];

const DOWN: &str = "dependencies point down: cli, host and build, http and admin, mcp, tasks, policy, auth, catalog, supply, sandbox, hosts, store";
const BELONGS: &str = "a library is known in one place, so that it can be replaced there";

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let Some(module) = module_of(source) else { return Vec::new() };
    let Ok(tokens) = source.text.parse() else { return Vec::new() };
    let mut walk = Walk { paths: Vec::new() };
    walk.stream(tokens, &module);

    let mut violations = Vec::new();
    for path in walk.paths.iter().filter(|path| !source.is_test(path.line)) {
        if let Some((what, why)) = judge(&module, path) {
            let violation = source.violation(path.line, what, why);
            // `use` of several names from one module is one mistake.
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
    }
    violations
}

/// The module that a file of the host is, such as `["mcp", "modern"]`. `None` for files elsewhere.
fn module_of(source: &Source) -> Option<Vec<String>> {
    let path = source.path.strip_prefix("host/src").ok()?.with_extension("");
    let mut module: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    // The root declares the modules; it depends on none.
    (module != ["lib"]).then_some(module)
}

/// A path as it stands in the code.
struct Path {
    /// Its names, with `self` and `super` followed. Begins with `crate` if it stays in the host.
    names: Vec<String>,
    line: usize,
}

/// What is wrong with `path` in `module`, and why that is wrong.
fn judge(module: &[String], path: &Path) -> Option<(String, &'static str)> {
    let [first, rest @ ..] = path.names.as_slice() else { return None };
    let top = module[0].as_str();
    if first != "crate" && !(top == "main" && first == "toolyard") {
        // A name by itself is a variable or a field.
        let (library, homes) = LIBRARIES.iter().find(|(library, _)| library == first && !rest.is_empty())?;
        return (!homes.contains(&top)).then(|| (format!("`{top}` uses `{library}`"), BELONGS));
    }
    let used = rest.first()?.as_str();
    if used == top {
        return strangers(module, rest);
    }
    if used.starts_with(char::is_uppercase) || may_use(top, used) {
        return None;
    }
    if layer(used).is_none() && !SHARED.contains(&used) {
        return Some((format!("`{used}` has no place in the table of modules"), DOWN));
    }
    Some((format!("`{top}` uses `{used}`"), DOWN))
}

fn may_use(module: &str, used: &str) -> bool {
    if module == "main" {
        return MAIN.contains(&used);
    }
    if SHARED.contains(&used) {
        return true;
    }
    matches!((layer(module), layer(used)), (Some(from), Some(to)) if from < to)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn strangers(module: &[String], used: &[String]) -> Option<(String, &'static str)> {
    let is_in = |names: &[String], name: &str| names.iter().map(String::as_str).take(2).eq(name.split("::"));
    STRANGERS.iter().flat_map(|[a, b]| [(a, b), (b, a)]).find_map(|(from, to)| {
        let wrong = is_in(module, from) && is_in(used, to);
        wrong.then(|| (format!("`{from}` uses `{to}`"), "what both need moves into their parent"))
    })
}

/// Collects paths from tokens, so that the inside of macros is seen too.
struct Walk {
    paths: Vec<Path>,
}

impl Walk {
    /// `module` is where the tokens stand, which is what `super` and `self` are about.
    fn stream(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(name) if name == "mod" => at = self.module(&tokens, at, module),
                TokenTree::Ident(name) if BEFORE_PATHS.iter().any(|word| name == word) => at += 1,
                TokenTree::Ident(_) => at = self.path(&tokens, at, &[], module),
                TokenTree::Group(group) => {
                    self.stream(group.stream(), module);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// `mod name { … }` or `mod name;`.
    fn module(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) = (tokens.get(at + 1), tokens.get(at + 2)) {
            let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
            self.stream(body.stream(), &inner);
            return at + 3;
        }
        at + 2
    }

    /// Reads the path that begins at `at`, behind the names that led to it, and gives where it ends.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, before: &[String], module: &[String]) -> usize {
        let mut names = before.to_vec();
        let line = tokens[at].span().start().line;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace && !names.is_empty() => {
                    self.group(group.stream(), &names, module);
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !is_colon(tokens.get(at)) || !is_colon(tokens.get(at + 1)) {
                break;
            }
            at += 2;
        }
        self.paths.push(Path { names: followed(names, module), line });
        at
    }

    /// The `{a, b::c}` of a `use`.
    fn group(&mut self, tokens: TokenStream, before: &[String], module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Ident(_) => self.path(&tokens, at, before, module),
                _ => at + 1,
            };
        }
    }
}

/// Follows `self` and `super` at the beginning of a path.
fn followed(names: Vec<String>, module: &[String]) -> Vec<String> {
    let supers = names.iter().take_while(|name| *name == "super" || *name == "self").count();
    if supers == 0 {
        return names;
    }
    let up = names[..supers].iter().filter(|name| *name == "super").count();
    let stays = module.len().saturating_sub(up);
    std::iter::once("crate".to_owned()).chain(module[..stays].iter().cloned()).chain(names[supers..].to_vec()).collect()
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}
