//! Compiling a jq program and running it.

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Exn, Filter, Vars};
use jaq_json::{Val, read};
use toolyard_plugin::{Error, Result};

use crate::{messages, said, value};

/// What a program did.
pub(crate) struct Ran {
    /// Its outputs, as text.
    pub(crate) outputs: Vec<String>,
    /// How it came to its end.
    pub(crate) ended: Ended,
}

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ended {
    /// It had nothing more to say.
    ByItself,
    /// It was not asked for more.
    AtLimit,
}

/// Runs `program` over `input` until it has given `outputs_max` outputs: as JSON, or `raw`.
pub(crate) fn run(program: &str, input: &str, outputs_max: usize, raw: bool) -> Result<Ran> {
    let input = read::parse_single(input.as_bytes())
        .map_err(|error| Error::invalid_arguments(format_args!("`input` is not JSON: {error}")))?;
    let filter = compile(program)?;
    said::listen();
    let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut results = filter.id.run((context, input));
    let mut outputs = Vec::new();
    // The next output is not asked for when there is room for no more: it may never come.
    while outputs.len() < outputs_max {
        let output = match results.next() {
            None => return Ok(Ran { outputs, ended: Ended::ByItself }),
            Some(Ok(output)) => output,
            Some(Err(exception)) => match stopped(exception, outputs.len()) {
                Some(error) => return Err(error),
                None => return Ok(Ran { outputs, ended: Ended::ByItself }),
            },
        };
        outputs.push(if raw { value::raw_text(&output)? } else { value::json_text(&output)? });
    }
    Ok(Ran { outputs, ended: Ended::AtLimit })
}

/// What is not there: it would look at the machine that the plugin runs on.
const WITHHELD: &[&str] = &["env"];

fn compile(program: &str) -> Result<Filter<JustLut<Val>>> {
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let functions = functions.filter(|(name, ..)| !WITHHELD.contains(name));
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { code: program, path: () })
        .map_err(|errors| Error::invalid_arguments(messages::of_loading(&errors)))?;
    Compiler::default()
        .with_funs(functions)
        .compile(modules)
        .map_err(|errors| Error::invalid_arguments(messages::of_compiling(&errors)))
}

/// Why the program stopped early. `None`: because it wanted to.
fn stopped(exception: Exn<'_, Val>, outputs: usize) -> Option<Error> {
    let exception = match exception.get_err() {
        Ok(error) => {
            let after = if outputs == 0 { String::new() } else { format!(" after {outputs} outputs") };
            let said = value::raw_text(&error.into_val()).unwrap_or_else(|error| error.message().to_owned());
            return Some(Error::Failed(format!("the program failed{after}: {said}")));
        }
        Err(exception) => exception,
    };
    match exception.get_halt() {
        Ok(0) => None,
        Ok(code) => Some(Error::Failed(format!("the program halted with {code}: {}", said::last()))),
        Err(_) => Some(Error::internal("jq's control flow came out of the program")),
    }
}
