//! What stands in a string for something that is elsewhere: `${NAME}` for a variable of the environment, `file:PATH` for
//! the contents of a file.

use std::{env, fs, io::Read, path::Path};

use super::{node::Given, seen::Seen};

/// What a `file:` may hold; more is not a value but a mistake.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where variables come from: the process' own, or a test's.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Result<Option<String>, String>;

/// The environment of this process.
pub(crate) fn of_process(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8")),
    }
}

/// A string with everything in it that stands for something else.
pub(super) struct Expanded {
    pub(super) text: String,
    /// `None` if nothing in it came from elsewhere.
    pub(super) given: Option<Given>,
}

/// Puts in what stands elsewhere. `folder` is where the path of a `file:` starts from. The error is a sentence about the
/// string, which names the variable or the file, and no value.
///
/// A file that is read is noted in `seen`. What comes from the environment is taken as it is: nothing in it stands for something else again.
pub(super) fn expand(
    written: &str,
    environment: Environment<'_>,
    folder: &Path,
    seen: &mut Seen,
) -> Result<Expanded, String> {
    // A URL is none of this: `file://HOST/PATH`.
    let path = written.strip_prefix("file:").filter(|path| !path.starts_with("//"));
    let Some(path) = path else {
        let written = written.strip_prefix("$file:").map_or_else(|| written.to_owned(), |rest| format!("file:{rest}"));
        let (text, given) = variables(&written, environment)?;
        return Ok(Expanded { text, given });
    };
    let (path, _) = variables(path, environment)?;
    if path.is_empty() {
        return Err("`file:` is followed by no path; to begin a text with it, write `$file:`".into());
    }
    let path = folder.join(path);
    seen.note(&path);
    let text = contents(&path)?;
    let given = Given { parts: vec![(format!("file:{}", path.display()), text.clone())], whole: true };
    Ok(Expanded { text, given: Some(given) })
}

/// The contents of a file, without the end of line that editors and programs put after it.
fn contents(path: &Path) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("`file:{}` cannot be read: {error}", path.display());
    let mut text = String::new();
    fs::File::open(path).map_err(wrong)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(wrong)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("`file:{}` has more than {FILE_BYTES_MAX} bytes", path.display()));
    }
    let end = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).len());
    text.truncate(end.unwrap_or(text.len()));
    Ok(text)
}

fn variables(written: &str, environment: Environment<'_>) -> Result<(String, Option<Given>), String> {
    let (mut text, mut given) = (String::with_capacity(written.len()), Given::default());
    let (mut rest, mut found) = (written, false);
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            text.push_str(before);
            text.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        text.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find('}').ok_or("`${` has no `}` after it; to mean the text itself, write `$${`")?;
        let value = variable(&inner[..end], environment, &mut given)?;
        given.whole = at == 0 && text.is_empty() && !found && inner[end + 1..].is_empty();
        found = true;
        text.push_str(&value);
        rest = &inner[end + 1..];
    }
    text.push_str(rest);
    Ok((text, found.then_some(given)))
}

/// The value of what stands between `${` and `}`.
fn variable(inner: &str, environment: Environment<'_>, given: &mut Given) -> Result<String, String> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let legal = |(at, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit();
    if name.is_empty() || !name.char_indices().all(legal) {
        return Err(format!(
            "`${{{inner}}}` is no variable: write `${{NAME}}` or `${{NAME:-default}}`, or `$${{` for the text"
        ));
    }
    match (environment(name)?, default) {
        // As in a shell: empty is as good as absent.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => {
            given.parts.push((format!("${{{name}}}"), value.clone()));
            Ok(value)
        }
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => {
            Err(format!("the environment variable {name} is not set; set it, or write `${{{name}:-default}}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &str) {
        let environment = |name: &str| match name {
            "A" => Ok(Some("1".to_owned())),
            "B" => Ok(Some("two ${A}".to_owned())),
            "EMPTY" => Ok(Some(String::new())),
            "BYTES" => Err("the environment variable BYTES is not UTF-8".to_owned()),
            _ => Ok(None),
        };
        let shown = match expand(written, &environment, Path::new("/no/such"), &mut Seen::default()) {
            Ok(Expanded { text, given, .. }) => {
                let given = given.map(|given| {
                    let parts: Vec<&str> = given.parts.iter().map(|(name, _)| name.as_str()).collect();
                    format!(" from {parts:?} whole={}", given.whole)
                });
                format!("{text}{}", given.unwrap_or_default())
            }
            Err(reason) => format!("ERROR {reason}"),
        };
        assert_eq!(shown, expected, "{written}");
    }

    #[test]
    fn variables_are_put_in() {
        check("plain $A {A} $", "plain $A {A} $");
        check("${A}", "1 from [\"${A}\"] whole=true");
        check("a${A}b${B}c", "a1btwo ${A}c from [\"${A}\", \"${B}\"] whole=false");
        check("${A}${A}", "11 from [\"${A}\", \"${A}\"] whole=false");
        check("${NONE:-8080}", "8080 from [] whole=true");
        check("${EMPTY:-x:-y}", "x:-y from [] whole=true");
        check("${EMPTY}", " from [\"${EMPTY}\"] whole=true");
        check("${NONE:-}", " from [] whole=true");
    }

    #[test]
    fn what_is_meant_as_it_stands_is_escaped() {
        check("$${A}", "${A}");
        check("$$${A}", "$${A}");
        check("a $${A} ${A}", "a ${A} 1 from [\"${A}\"] whole=false");
        check("$file:x", "file:x");
        check("file:///etc/x", "file:///etc/x");
    }

    #[test]
    fn mistakes_name_the_variable_or_the_file() {
        check("${NONE}", "ERROR the environment variable NONE is not set; set it, or write `${NONE:-default}`");
        check("${BYTES}", "ERROR the environment variable BYTES is not UTF-8");
        check("x${A", "ERROR `${` has no `}` after it; to mean the text itself, write `$${`");
        check("${1A}", "ERROR `${1A}` is no variable: write `${NAME}` or `${NAME:-default}`, or `$${` for the text");
        check("${}", "ERROR `${}` is no variable: write `${NAME}` or `${NAME:-default}`, or `$${` for the text");
        check("file:x", "ERROR `file:/no/such/x` cannot be read: No such file or directory (os error 2)");
        check("file:", "ERROR `file:` is followed by no path; to begin a text with it, write `$file:`");
    }

    #[test]
    fn a_file_is_its_contents_without_the_last_end_of_line() {
        let dir = tempfile::tempdir().unwrap();
        for (contents, expected) in [("k3y\n", "k3y"), ("a\nb\r\n", "a\nb"), ("${A}", "${A}"), ("a\n\n", "a\n")] {
            fs::write(dir.path().join("f"), contents).unwrap();
            let mut seen = Seen::default();
            let expanded = expand("file:f", &of_process, dir.path(), &mut seen).unwrap();
            assert_eq!(expanded.text, expected);
            assert_eq!(seen.paths().collect::<Vec<_>>(), [dir.path().join("f")]);
        }
        fs::write(dir.path().join("f"), vec![b'a'; FILE_BYTES_MAX as usize + 1]).unwrap();
        let reason = expand("file:f", &of_process, dir.path(), &mut Seen::default()).err().unwrap();
        assert!(reason.ends_with("has more than 1048576 bytes"), "{reason}");
    }
}
