//! Which era a request belongs to. Decided once, here, for each request; nothing deeper compares versions.

use http::HeaderMap;

use super::{
    SESSION_HEADER,
    fault::Fault,
    message::{Kind, Message},
};

/// The stateless revisions this host speaks, newest first.
pub(super) const MODERN_VERSIONS: [&str; 1] = ["2026-07-28"];

/// `MCP-Protocol-Version`.
pub(super) const VERSION_HEADER: &str = "mcp-protocol-version";

/// What a request is spoken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Everything is in the request itself. Whether its version is one of [`MODERN_VERSIONS`] is for `modern` to say.
    Modern,
    /// Begins with `initialize`.
    Legacy(LegacyVersion),
}

/// The revisions that begin with `initialize`. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyVersion {
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
}

impl LegacyVersion {
    /// What a client is offered that asked for something else.
    pub const LATEST: Self = Self::V2025_11_25;

    /// As it stands in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// The revision of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25].into_iter().find(|version| version.as_str() == text)
    }
}

/// All revisions that this host speaks, newest first.
pub fn versions() -> Vec<&'static str> {
    let legacy = [LegacyVersion::V2025_11_25, LegacyVersion::V2025_06_18, LegacyVersion::V2025_03_26];
    MODERN_VERSIONS.into_iter().chain(legacy.map(LegacyVersion::as_str)).collect()
}

impl Era {
    /// Decides from what the request says of itself: `_meta` first, then its method, then its header.
    pub fn of(headers: &HeaderMap, message: &Message<'_>) -> Result<Self, Fault> {
        let header =
            headers.get(VERSION_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        let header = header.as_deref();
        if message.params.meta.protocol_version.is_some() {
            return Ok(Self::Modern);
        }
        let legacy = header.and_then(LegacyVersion::parse);
        let modern_header = header.is_some_and(|version| MODERN_VERSIONS.contains(&version));
        match message.method() {
            // Clients that know both eras may open with the newest version's header and the old handshake.
            Some("initialize") if header.is_none() || modern_header || legacy.is_some() => {
                return Ok(Self::Legacy(legacy.unwrap_or(LegacyVersion::LATEST)));
            }
            // Methods that only the modern era has without a session: it says what the request lacks.
            Some("server/discover" | "subscriptions/listen" | "tasks/get" | "tasks/update" | "tasks/cancel")
                if header.is_none() && !headers.contains_key(SESSION_HEADER) =>
            {
                return Ok(Self::Modern);
            }
            _ => {}
        }
        match (header, legacy) {
            (_, Some(version)) => Ok(Self::Legacy(version)),
            (Some(_), None) if modern_header => Ok(Self::Modern),
            (Some(requested), None) => Err(Fault::UnsupportedVersion { requested: requested.to_owned() }),
            // The first revision of this transport had no such header (MCP 2025-11-25, transports, "Protocol Version Header").
            (None, None) => Ok(Self::Legacy(LegacyVersion::V2025_03_26)),
        }
    }
}

impl Era {
    /// The same for a message that came through a pipe, where there are no headers and the handshake is remembered.
    pub fn of_pipe(message: &Message<'_>, has_session: bool) -> Result<Self, Fault> {
        if message.params.meta.protocol_version.is_some() {
            return Ok(Self::Modern);
        }
        if let Kind::Notification { .. } = message.kind {
            // Those of the modern era need not say which era they belong to.
            return Ok(if has_session { Self::Legacy(LegacyVersion::LATEST) } else { Self::Modern });
        }
        match message.method() {
            // The session's own version is what counts from then on.
            Some("initialize") => Ok(Self::Legacy(LegacyVersion::LATEST)),
            _ if has_session => Ok(Self::Legacy(LegacyVersion::LATEST)),
            Some("server/discover" | "subscriptions/listen") => Ok(Self::Modern),
            Some("ping") | None => Ok(Self::Legacy(LegacyVersion::LATEST)),
            Some(_) => Err(Fault::InvalidRequest(
                "begin with `initialize`, or put `io.modelcontextprotocol/protocolVersion` into `_meta`".into(),
            )),
        }
    }
}

/// Whether a batch may come with these headers: from 2025-03-26, which had no version header, and from nobody later.
pub(super) fn takes_batches(headers: Option<&HeaderMap>) -> bool {
    let Some(headers) = headers else { return false };
    headers.get(VERSION_HEADER).is_none_or(|version| version == LegacyVersion::V2025_03_26.as_str())
        && !headers.contains_key("mcp-method")
}

impl Message<'_> {
    /// The method, if the message has one.
    pub fn method(&self) -> Option<&str> {
        match &self.kind {
            Kind::Request { method, .. } | Kind::Notification { method } => Some(method),
            Kind::Response { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, method: &str, meta: Option<&str>, expected: &Result<Era, i32>) {
        let mut headers = HeaderMap::new();
        if let Some(version) = header {
            headers.insert(VERSION_HEADER, version.parse().unwrap());
        }
        let meta =
            meta.map_or("{}".into(), |version| format!(r#"{{"io.modelcontextprotocol/protocolVersion":"{version}"}}"#));
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"_meta":{meta}}}}}"#);
        let era = Era::of(&headers, &Message::parse(&body).unwrap()).map_err(|fault| fault.code(None));
        assert_eq!(era, *expected, "{header:?} {body}");
    }

    #[test]
    fn the_era_is_decided_by_what_the_request_says() {
        use LegacyVersion::*;
        let modern = Ok(Era::Modern);
        check(Some("2026-07-28"), "tools/list", Some("2026-07-28"), &modern);
        check(None, "tools/list", Some("2026-07-28"), &modern);
        check(Some("2025-11-25"), "tools/list", Some("2026-07-28"), &modern);
        check(Some("2026-07-28"), "initialize", Some("2026-07-28"), &modern);
        check(Some("2026-07-28"), "tools/list", None, &modern);
        check(None, "server/discover", None, &modern);
        check(None, "tasks/get", None, &modern);
        check(Some("2025-11-25"), "tasks/get", None, &Ok(Era::Legacy(V2025_11_25)));

        check(None, "initialize", None, &Ok(Era::Legacy(LegacyVersion::LATEST)));
        check(Some("2026-07-28"), "initialize", None, &Ok(Era::Legacy(LegacyVersion::LATEST)));
        check(Some("2025-06-18"), "initialize", None, &Ok(Era::Legacy(V2025_06_18)));
        check(None, "tools/list", None, &Ok(Era::Legacy(V2025_03_26)));
        for version in [V2025_03_26, V2025_06_18, V2025_11_25] {
            check(Some(version.as_str()), "tools/list", None, &Ok(Era::Legacy(version)));
        }

        for bad in ["invalid-protocol-version", "2000-01-01", "2099-01-01"] {
            check(Some(bad), "tools/list", None, &Err(-32022));
            check(Some(bad), "initialize", None, &Err(-32022));
        }
    }
}
