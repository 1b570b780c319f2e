//! `[telemetry]`: where traces go, and which.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::{ConfigError, HeaderGrant, Secrets};

/// What traces call this host when nobody says otherwise.
const SERVICE_NAME: &str = "toolyard";

/// Where a collector takes traces, below its endpoint (OTLP specification, "OTLP/HTTP Request").
const TRACES_PATH: &str = "/v1/traces";

/// `[telemetry]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenTelemetry {
    /// Where the collector is, such as `http://127.0.0.1:4318`.
    pub otlp_endpoint: Option<String>,
    /// Of requests whose callers do not say, this part is traced: from 0 to 1.
    pub sample_ratio: Option<f64>,
    /// What traces call this host.
    pub service_name: Option<String>,
    /// Whether plugins' requests tell their servers which trace they belong to.
    pub propagate: Option<bool>,
    /// Headers that the collector wants, with secrets.
    pub headers: Vec<HeaderGrant>,
    /// Certificates to trust beside the system's, in PEM.
    pub ca_files: Vec<PathBuf>,
}

/// Where traces go, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Where a collector takes them by OTLP over HTTP.
    pub traces_url: Url,
    /// Of requests whose callers do not say, this part is traced: from 0 to 1.
    pub sample_ratio: f64,
    pub service_name: String,
    pub propagates: bool,
    pub headers: Vec<HeaderGrant>,
    pub ca_files: Vec<PathBuf>,
}

impl WrittenTelemetry {
    /// `None` where no collector is named: then nothing is traced.
    pub(super) fn usable(self, base: &Path, secrets: &Secrets) -> Result<Option<Telemetry>, ConfigError> {
        let wrong = |reason: String| ConfigError::new(format!("[telemetry] {reason}"));
        let Some(endpoint) = self.otlp_endpoint else {
            // Whoever sets the rest believes that something is traced.
            let is_set = self.sample_ratio.is_some() || self.service_name.is_some() || self.propagate.is_some();
            if is_set || !self.headers.is_empty() || !self.ca_files.is_empty() {
                return Err(wrong("`otlp_endpoint` is missing: without it nothing is traced".into()));
            }
            return Ok(None);
        };
        let example = "it must be a URL such as http://127.0.0.1:4318";
        let mut url =
            Url::parse(&endpoint).map_err(|_| wrong(format!("`otlp_endpoint` is `{endpoint}`; {example}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(format!("`otlp_endpoint` is `{endpoint}`; {example}")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("`otlp_endpoint`: a password has no place in it; name a secret in `headers`".into()));
        }
        url.set_path(&format!("{}{TRACES_PATH}", url.path().trim_end_matches('/')));
        let sample_ratio = self.sample_ratio.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&sample_ratio) {
            return Err(wrong(format!("`sample_ratio` is {sample_ratio}; it must be from 0 to 1")));
        }
        if let Some(unknown) = self.headers.iter().find(|header| !secrets.knows(&header.secret)) {
            let name = &unknown.secret;
            return Err(wrong(format!("headers: there is no secret `{name}`; add [secret.{name}]")));
        }
        Ok(Some(Telemetry {
            traces_url: url,
            sample_ratio,
            service_name: self.service_name.unwrap_or_else(|| SERVICE_NAME.into()),
            propagates: self.propagate.unwrap_or(true),
            headers: self.headers,
            ca_files: self.ca_files.iter().map(|file| base.join(file)).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let written: WrittenTelemetry = toml::from_str(text).expect("it reads");
        let shown = match written.usable(Path::new("/etc"), &Secrets::default()) {
            Ok(Some(usable)) => format!("{} {}", usable.traces_url, usable.sample_ratio),
            Ok(None) => "nothing".into(),
            Err(error) => error.to_string(),
        };
        assert!(shown.contains(expected), "{text}: {shown}");
    }

    #[test]
    fn where_traces_go() {
        check("", "nothing");
        check("otlp_endpoint = 'http://127.0.0.1:4318'", "http://127.0.0.1:4318/v1/traces 1");
        check("otlp_endpoint = 'https://c.example/otlp/'\nsample_ratio = 0.5", "https://c.example/otlp/v1/traces 0.5");
    }

    #[test]
    fn mistakes_say_what_to_do() {
        check("sample_ratio = 1.0", "`otlp_endpoint` is missing");
        check("otlp_endpoint = 'c.example:4318'", "must be a URL such as");
        check("otlp_endpoint = 'grpc://c.example'", "must be a URL such as");
        check("otlp_endpoint = 'http://u:p@c.example'", "name a secret in `headers`");
        check("otlp_endpoint = 'http://c'\nsample_ratio = 2.0", "it must be from 0 to 1");
        check("otlp_endpoint = 'http://c'\nsample_ratio = nan", "it must be from 0 to 1");
        check("otlp_endpoint = 'http://c'\n[[headers]]\nname = 'a'\nsecret = 'b'", "add [secret.b]");
    }
}
