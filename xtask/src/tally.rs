//! How much passed, and how much did not.

use std::fmt;

use anyhow::Result;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Counts a step that is not made of tests, such as a build: only where it fails.
    pub(crate) fn note(&mut self, outcome: &Result<()>) {
        self.failed += u64::from(outcome.is_err());
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads what libtest prints after each test binary. A test that was ignored is a test that did not pass.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        for count in counts.1.split("; ") {
            match count.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed" | "ignored")) => self.failed += number,
                _ => {}
            }
        }
    }

    /// Reads what the test runners of other languages print: Python's unittest, Node's, Go's with `-v`, and libtest's form.
    pub(crate) fn read_any(&mut self, line: &str) {
        self.read(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Ran", number, "test" | "tests", ..] => self.passed += number.parse::<u64>().unwrap_or(0),
            // The tests of C count each comparison, which are too many to be called tests.
            [_, "checks,", "0", "failed"] => self.passed += 1,
            [_, "checks,", number, "failed"] => self.failed += number.parse::<u64>().unwrap_or(1),
            ["ℹ" | "#", "pass", number] => self.passed += number.parse::<u64>().unwrap_or(0),
            ["ℹ" | "#", "fail" | "cancelled" | "skipped" | "todo", number] => {
                self.failed += number.parse::<u64>().unwrap_or(0);
            }
            _ if line.starts_with("--- PASS: ") => self.passed += 1,
            _ if line.starts_with("--- FAIL: ") || line.starts_with("--- SKIP: ") => self.failed += 1,
            _ => {
                // `FAILED (failures=1, errors=2)`, or `OK (skipped=1)`: they were counted among those that ran.
                let counts = line.strip_prefix("FAILED (").or_else(|| line.strip_prefix("OK ("));
                for count in counts.into_iter().flat_map(|counts| counts.trim_end_matches(')').split(", ")) {
                    let number = count.split_once('=').and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
                    self.failed += number;
                    self.passed = self.passed.saturating_sub(number);
                }
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reads_what_libtest_prints() {
        let mut tally = Tally::default();
        tally.read("running 4 tests");
        tally.read("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(tally, Tally { passed: 12, failed: 0 });
        tally.read("test result: FAILED. 1 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(tally, Tally { passed: 13, failed: 5 });
        tally.read("I wrote: test result: ok. 9 passed; 0 failed");
        assert_eq!(tally.to_string(), "13 passed, 5 failed");
    }
    #[test]
    fn reads_what_other_languages_print() {
        let mut tally = Tally::default();
        for line in [
            "Ran 5 tests in 0.012s",
            "FAILED (failures=1, errors=1)",
            "ℹ pass 3",
            "# fail 1",
            "--- PASS: TestX (0.00s)",
            "9 checks, 0 failed",
        ] {
            tally.read_any(line);
        }
        for line in ["    --- PASS: TestX/part (0.00s)", "ok", "OK", "ran 5 tests", "# tests 9"] {
            tally.read_any(line);
        }
        assert_eq!(tally, Tally { passed: 8, failed: 3 });
    }
}
