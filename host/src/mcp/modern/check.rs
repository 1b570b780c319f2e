//! What a modern request must say of itself, and that its headers and its body say the same: whoever routed or filtered by
//! the headers must not have been told something else than the one who acts on the body
//! (MCP 2026-07-28, transports, "Streamable HTTP").

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::HeaderMap;
use serde_json::Value;

use super::{Method, tasks};
use crate::{
    catalog::{HeaderKind, HeaderParam},
    mcp::{
        era::{MODERN_VERSIONS, VERSION_HEADER},
        fault::Fault,
        message::Params,
    },
};

/// Checks everything but the tool's own headers, in the order that `ARCHITECTURE.md` fixes, and says which method it is.
pub(super) fn envelope(headers: Option<&HeaderMap>, method: &str, params: &Params<'_>) -> Result<Method, Fault> {
    let meta = &params.meta;
    if let Some(version) = meta.protocol_version.as_deref() {
        agree(headers, VERSION_HEADER, version)?;
    }
    let missing = |key: &str| Fault::InvalidParams(format!("`_meta` lacks `io.modelcontextprotocol/{key}`"));
    let version = meta.protocol_version.as_deref().ok_or_else(|| missing("protocolVersion"))?;
    if meta.client_capabilities.is_none() {
        return Err(missing("clientCapabilities"));
    }
    if !MODERN_VERSIONS.contains(&version) {
        return Err(Fault::UnsupportedVersion { requested: version.to_owned() });
    }
    agree(headers, "mcp-method", method)?;
    let method = Method::parse(method).ok_or_else(|| Fault::MethodNotFound(method.to_owned()))?;
    let (key, name) = match method {
        Method::CallTool | Method::GetPrompt => ("name", params.name.as_deref()),
        Method::ReadResource => ("uri", params.uri.as_deref()),
        Method::GetTask | Method::UpdateTask | Method::CancelTask => ("taskId", params.task_id.as_deref()),
        _ => return Ok(method),
    };
    let name = name.ok_or_else(|| Fault::InvalidParams(format!("`{key}` is missing")))?;
    agree(headers, "mcp-name", name)?;
    if key == "taskId" && !meta.knows_tasks() {
        return Err(tasks::unknown_to_client());
    }
    Ok(method)
}

/// Through a pipe there are no headers, and so none that could disagree.
fn agree(headers: Option<&HeaderMap>, header: &'static str, body: &str) -> Result<(), Fault> {
    headers.map_or(Ok(()), |headers| same(headers, header, body))
}

/// Checks the `Mcp-Param-*` headers that the tool asks for against the arguments.
pub(super) fn parameters(headers: &HeaderMap, wanted: &[HeaderParam], arguments: &Value) -> Result<(), Fault> {
    for param in wanted {
        let value = param.path.iter().try_fold(arguments, |value, key| value.get(key)).filter(|value| !value.is_null());
        let sent = one(headers, &param.header)?;
        let agrees = match (&sent, value) {
            (None, None) => true,
            (Some(sent), Some(value)) => agrees(&decode(sent, &param.header)?, value, param.kind),
            (Some(_), None) => false,
            (None, Some(_)) => {
                let reason = format!("the header `{}` is missing, and the arguments hold a value for it", param.header);
                return Err(Fault::HeaderMismatch(reason));
            }
        };
        if !agrees {
            return Err(Fault::HeaderMismatch(format!(
                "the header `{}` does not say what the arguments say",
                param.header
            )));
        }
    }
    Ok(())
}

fn agrees(sent: &str, value: &Value, kind: HeaderKind) -> bool {
    match kind {
        HeaderKind::String => value.as_str() == Some(sent),
        HeaderKind::Boolean => value.as_bool().is_some_and(|value| sent == if value { "true" } else { "false" }),
        // 42 and 42.0 are the same integer. Beyond 2^53 a client may not go.
        HeaderKind::Integer => sent.parse::<f64>().is_ok_and(|sent| value.as_f64() == Some(sent)),
    }
}

fn same(headers: &HeaderMap, header: &'static str, body: &str) -> Result<(), Fault> {
    let sent = one(headers, header)?;
    let sent = sent.ok_or_else(|| Fault::HeaderMismatch(format!("the header `{header}` is missing")))?;
    // Only names can hold what a header cannot: versions and methods are what they are.
    let sent = if header == "mcp-name" { decode(&sent, header)? } else { sent };
    if sent == body {
        Ok(())
    } else {
        Err(Fault::HeaderMismatch(format!("the header `{header}` does not say what the body says")))
    }
}

/// The header's only value, without the white space around it.
fn one<'a>(headers: &'a HeaderMap, header: &str) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::HeaderMismatch(format!("the header `{header}` is there twice")));
    }
    let text = value.to_str().map_err(|_| unreadable(header))?;
    Ok(Some(text.trim_matches([' ', '\t']).into()))
}

/// `=?base64?…?=` holds what a header cannot; anything else is meant literally.
fn decode<'a>(sent: &'a str, header: &str) -> Result<Cow<'a, str>, Fault> {
    let Some(encoded) = sent.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(sent.into());
    };
    let bytes = BASE64.decode(encoded).map_err(|_| unreadable(header))?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| unreadable(header))
}

fn unreadable(header: &str) -> Fault {
    Fault::HeaderMismatch(format!(
        "the header `{header}` does not read: use visible ASCII, or =?base64?…?= around UTF-8"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn param(kind: HeaderKind) -> Vec<HeaderParam> {
        vec![HeaderParam { header: "mcp-param-x".into(), path: vec!["a".into(), "x".into()], kind }]
    }

    fn check(kind: HeaderKind, header: Option<&str>, arguments: &Value, agree: bool) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("mcp-param-x", header.parse().unwrap());
        }
        let result = parameters(&headers, &param(kind), arguments);
        assert_eq!(result.is_ok(), agree, "{header:?} {arguments}: {result:?}");
    }

    #[test]
    fn param_headers_say_what_the_arguments_say() {
        use HeaderKind::*;
        let x = |value: Value| json!({ "a": { "x": value } });
        check(String, Some("Hello"), &x(json!("Hello")), true);
        check(String, Some("  Hello\t"), &x(json!("Hello")), true);
        check(String, Some("hello"), &x(json!("Hello")), false);
        check(String, Some("=?base64?SGVsbG8=?="), &x(json!("Hello")), true);
        check(String, Some("=?base64?SGVsbG8?="), &x(json!("Hello")), false);
        check(String, Some("=?base64?SGVs!!!bG8=?="), &x(json!("Hello")), false);
        check(String, Some("SGVsbG8="), &x(json!("SGVsbG8=")), true);
        check(String, Some("=?base64?SGVsbG8="), &x(json!("=?base64?SGVsbG8=")), true);
        check(String, None, &x(json!("Hello")), false);
        check(String, None, &x(Value::Null), true);
        check(String, None, &json!({}), true);
        check(String, Some("Hello"), &json!({}), false);
        check(Integer, Some("42"), &x(json!(42.0)), true);
        check(Integer, Some("42.0"), &x(json!(42)), true);
        check(Integer, Some("43"), &x(json!(42)), false);
        check(Boolean, Some("true"), &x(json!(true)), true);
        check(Boolean, Some("True"), &x(json!(true)), false);
    }

    #[test]
    fn a_header_twice_is_no_header() {
        let mut headers = HeaderMap::new();
        headers.append("mcp-param-x", "a".parse().unwrap());
        headers.append("mcp-param-x", "b".parse().unwrap());
        assert!(parameters(&headers, &param(HeaderKind::String), &json!({"a": {"x": "a"}})).is_err());
    }
}
