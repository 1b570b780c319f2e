//! `[audit]`: what is written down of calls and changes, how safely, and where.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// A new file is begun when one has so many bytes: a few hundred thousand calls, which is verified in a second.
const ROTATE_BYTES_MAX: u64 = 128 << 20;

/// Files would be begun faster than anybody could look at them.
const ROTATE_BYTES_MIN: u64 = 16 << 10;

/// `[audit]` as it is written.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAudit {
    /// The file that the trail is in. Older parts of it stand beside it.
    pub file: Option<PathBuf>,
    /// Whether a call is answered only when its record is on the disk.
    pub durable: bool,
    /// How much of a call's arguments is in its record.
    pub arguments: WrittenArguments,
    /// Members of arguments that are left out of records where `arguments = "redacted"`, beside those that are named as secrets are.
    pub redact: Vec<String>,
    /// Bytes after which a new file is begun.
    pub rotate_bytes_max: Option<u64>,
    /// Older files that are kept. Without it, all are.
    pub keep_files_max: Option<usize>,
    /// Whether records go to standard output, too.
    pub stdout: bool,
    /// A collector that takes OTLP logs over HTTP, such as `http://127.0.0.1:4318`.
    pub otlp_endpoint: Option<String>,
}

/// `arguments` of `[audit]`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenArguments {
    #[default]
    Digest,
    Redacted,
    Full,
}

/// The trail, where one is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    pub file: Option<PathBuf>,
    pub durable: bool,
    pub arguments: ArgumentsShown,
    pub rotate_bytes_max: u64,
    /// `None`: all.
    pub keep_files_max: Option<usize>,
    pub stdout: bool,
    /// Where OTLP logs are taken, path included.
    pub otlp: Option<Url>,
}

/// How much of a call's arguments is in its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentsShown {
    /// Their SHA-256.
    Digest,
    /// They themselves, without the values of members called like this, or like secrets are, and their SHA-256.
    Redacted(Vec<String>),
    Full,
}

impl WrittenAudit {
    /// Nothing to write to means no trail.
    pub(super) fn usable(self, base: &Path) -> Result<Option<AuditSettings>, ConfigError> {
        let wrong = |reason: &str| Err(ConfigError::new(format!("[audit] {reason}")));
        if self.file.is_none() && !self.stdout && self.otlp_endpoint.is_none() {
            let default = !self.durable && self.redact.is_empty() && self.keep_files_max.is_none();
            let default = default && self.arguments == WrittenArguments::Digest && self.rotate_bytes_max.is_none();
            return if default {
                Ok(None)
            } else {
                wrong("says nothing of where to: add `file`, `stdout` or `otlp_endpoint`")
            };
        }
        if self.durable && self.file.is_none() {
            return wrong("durable: only a file can be; add `file`");
        }
        if !self.redact.is_empty() && self.arguments != WrittenArguments::Redacted {
            return wrong("redact: says something only with `arguments = \"redacted\"`");
        }
        let rotate_bytes_max = self.rotate_bytes_max.unwrap_or(ROTATE_BYTES_MAX);
        if rotate_bytes_max < ROTATE_BYTES_MIN {
            return wrong(&format!("rotate_bytes_max: must be {ROTATE_BYTES_MIN} or more"));
        }
        if self.keep_files_max == Some(0) {
            return wrong("keep_files_max: must be 1 or more; leave it out to keep all");
        }
        Ok(Some(AuditSettings {
            file: self.file.map(|file| base.join(file)),
            durable: self.durable,
            arguments: match self.arguments {
                WrittenArguments::Digest => ArgumentsShown::Digest,
                WrittenArguments::Redacted => {
                    ArgumentsShown::Redacted(self.redact.iter().map(|name| name.to_lowercase()).collect())
                }
                WrittenArguments::Full => ArgumentsShown::Full,
            },
            rotate_bytes_max,
            keep_files_max: self.keep_files_max,
            stdout: self.stdout,
            otlp: self.otlp_endpoint.as_deref().map(otlp).transpose()?,
        }))
    }
}

/// The signal's own address below that of the collector (OTLP specification, "OTLP/HTTP Request").
fn otlp(endpoint: &str) -> Result<Url, ConfigError> {
    let wrong = |reason: &str| ConfigError::new(format!("[audit] otlp_endpoint: `{endpoint}` {reason}"));
    let url = Url::parse(endpoint).map_err(|error| wrong(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("must be http: or https:, such as http://127.0.0.1:4318"));
    }
    if url.path().ends_with("/v1/logs") {
        return Ok(url);
    }
    let base = format!("{}/v1/logs", endpoint.trim_end_matches('/'));
    Url::parse(&base).map_err(|error| wrong(&format!("is no URL: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Option<AuditSettings>, String> {
        let written: WrittenAudit = toml::from_str(toml).map_err(|error| error.message().to_owned())?;
        written.usable(Path::new("/etc/toolyard")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_configured_is_not_there() {
        assert_eq!(read(""), Ok(None));
        let error = read("arguments = \"full\"").unwrap_err();
        assert_eq!(error, "[audit] says nothing of where to: add `file`, `stdout` or `otlp_endpoint`");
    }

    #[test]
    fn settings_are_read() {
        let settings = read(
            "file = \"audit/trail.jsonl\"\ndurable = true\narguments = \"redacted\"\nredact = [\"IBAN\"]\n\
             rotate_bytes_max = 1000000\nkeep_files_max = 3\notlp_endpoint = \"https://collector.example/otel/\"\n",
        );
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.file.as_deref(), Some(Path::new("/etc/toolyard/audit/trail.jsonl")));
        assert_eq!(settings.arguments, ArgumentsShown::Redacted(vec!["iban".into()]));
        assert_eq!((settings.durable, settings.stdout), (true, false));
        assert_eq!((settings.rotate_bytes_max, settings.keep_files_max), (1_000_000, Some(3)));
        assert_eq!(settings.otlp.unwrap().as_str(), "https://collector.example/otel/v1/logs");
    }

    #[test]
    fn mistakes_are_named() {
        for (toml, reason) in [
            ("durable = true\nstdout = true", "[audit] durable: only a file can be; add `file`"),
            ("stdout = true\nredact = [\"a\"]", "[audit] redact: says something only with `arguments = \"redacted\"`"),
            ("file = \"a\"\nrotate_bytes_max = 1", "[audit] rotate_bytes_max: must be 16384 or more"),
            ("file = \"a\"\nkeep_files_max = 0", "[audit] keep_files_max: must be 1 or more; leave it out to keep all"),
            (
                "otlp_endpoint = \"ftp://a\"",
                "[audit] otlp_endpoint: `ftp://a` must be http: or https:, such as http://127.0.0.1:4318",
            ),
        ] {
            assert_eq!(read(toml), Err(reason.into()), "{toml}");
        }
        assert!(read("file = \"a\"\narguments = \"all\"").unwrap_err().contains("unknown variant"));
    }
}
