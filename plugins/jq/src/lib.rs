//! The plugin `jq`: runs a jq program over JSON.

mod messages;
mod program;
mod said;
mod value;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin]
mod jq {
    use toolyard_plugin::{Error, JsonSchema, RawValue, Result, Serialize};

    use crate::program::{self, Ended};

    /// What the program put out.
    #[derive(Debug, Serialize, JsonSchema)]
    pub struct Outputs {
        /// The outputs, in order. Absent when `raw` was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub outputs: Option<Vec<Box<RawValue>>>,
        /// The outputs as lines of text, when `raw` was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub text: Option<String>,
        /// Whether `limit` was reached: there may be more outputs.
        pub truncated: bool,
    }

    /// The largest `limit`. A program's outputs are one answer, which somebody has to read.
    const LIMIT_MAX: usize = 10_000;

    /// Runs a jq program over a JSON value: picks, filters, reshapes, counts, sorts and sums.
    ///
    /// Knows the language and the functions of jq 1.8, without modules, `input`, `env` and `$__loc__`. Integers are exact, however
    /// large.
    #[tool(title = "Run jq", read_only, idempotent, open_world = false)]
    pub fn run(
        /// The program, such as `.items | map(select(.price < 10)) | length`.
        program: &str,
        /// The input, any JSON value. Without it: `null`.
        input: Option<Box<RawValue>>,
        /// How many outputs to give at most. The program ends there.
        #[arg(default = 100)]
        limit: usize,
        /// Gives lines of text instead of JSON values: strings without quotes, everything else as JSON.
        #[arg(default = false)]
        raw: bool,
    ) -> Result<Outputs> {
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Error::invalid_arguments(format_args!("`limit` is from 1 to {LIMIT_MAX}")));
        }
        let input = input.as_ref().map_or("null", |input| input.get());
        let ran = program::run(program, input, limit, raw)?;
        let truncated = ran.ended == Ended::AtLimit;
        Ok(if raw {
            Outputs { outputs: None, text: Some(ran.outputs.join("\n")), truncated }
        } else {
            let outputs = ran.outputs.into_iter().map(RawValue::from_string).collect::<Result<_, _>>()?;
            Outputs { outputs: Some(outputs), text: None, truncated }
        })
    }
}
