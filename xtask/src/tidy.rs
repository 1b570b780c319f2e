//! `cargo xtask tidy`: what no compiler checks.
//!
//! Each check is a file of its own. It reads sources and gives back violations; only [`run`] prints.

mod direction;
mod guests;
mod lengths;
mod omissions;
mod source;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::project::Project;
/// One place that is not as it should be.
#[derive(Debug, PartialEq)]
struct Violation {
    /// As seen from the root of the checkout.
    file: PathBuf,
    line: usize,
    what: String,
    why: &'static str,
}

/// Prints every violation, and fails if there is one.
pub(crate) fn run(project: &Project) -> Result<()> {
    let violations = check(project)?;
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => bail!("one place is not tidy"),
        number => bail!("{number} places are not tidy"),
    }
}

fn check(project: &Project) -> Result<Vec<Violation>> {
    let sources = source::all(&project.root)?;
    let mut violations = guests::check(&project.root, &sources)?;
    for source in &sources {
        violations.extend(direction::check(source));
        violations.extend(lengths::check(source));
        violations.extend(omissions::check(source));
    }
    violations.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(violations)
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file.display(), self.line, self.what, self.why)
    }
}
