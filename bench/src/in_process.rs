//! A call of a plugin with no server around it: a store, an instance, the call, and both gone again.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Calls in each round.
const CALLS: usize = 1_000;

/// The median of each round, in µs, as `toolyard call` measures it. `answer` is the text that the tool gives back.
pub(crate) fn medians(
    program: &Path,
    (component, cache): (&Path, &Path),
    (tool, arguments, answer): (&str, &Value, &str),
    rounds: usize,
) -> Result<Vec<f64>> {
    let round = || {
        let mut call = Command::new(program);
        call.arg("call").arg(component).args([tool, &arguments.to_string(), "--repeat", &CALLS.to_string()]);
        call.arg("--cache-dir").arg(cache).args(["--state-dir", ""]);
        let output = call.output().with_context(|| format!("{} cannot be run", program.display()))?;
        let (given, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(given.trim_end() == answer, "{tool} of {} gave {given}{said}", component.display());
        median(&said).with_context(|| format!("no median stands in {said}"))
    };
    (0..rounds).map(|_| round()).collect()
}

fn median(said: &str) -> Option<f64> {
    said.split_once("median ")?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_read() {
        let said = "a warning\n9 calls, each in an instance of its own: median 81.5 µs, least 74.0 µs, nine of ten at most 89.5 µs\n";
        assert_eq!(median(said), Some(81.5));
        assert_eq!(median("no calls"), None);
    }
}
