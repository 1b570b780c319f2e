//! W3C Trace Context: how a caller says which trace a request belongs to, and how the host says so to others.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Characters of a `traceparent` of version 00 (W3C Trace Context, 3.2.2).
const CHARS: usize = 55;

/// A longer `tracestate` may be left out (the same, 3.3.1.5).
const STATE_CHARS_MAX: usize = 512;

/// Reads what a caller says. What does not read is as if it had not been said; a `tracestate` that does not read takes nothing
/// else with it.
pub(super) fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<SpanContext> {
    let text = traceparent.trim();
    let (version, _) = text.split_once('-')?;
    let is_known = version == "00";
    let head = if is_known { text } else { text.get(..CHARS)? };
    // A later version may say more behind, after another dash.
    if head.len() != CHARS || text.get(CHARS..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('-')) {
        return None;
    }
    let mut parts = head.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [version.len(), trace.len(), span.len(), flags.len()] != [2, 32, 16, 2] {
        return None;
    }
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if version == "ff" || ![version, trace, span, flags].into_iter().all(is_hex) {
        return None;
    }
    let trace = TraceId::from(u128::from_str_radix(trace, 16).ok()?);
    let span = SpanId::from(u64::from_str_radix(span, 16).ok()?);
    // Of the flags, this host knows the first.
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let state = tracestate.filter(|state| state.len() <= STATE_CHARS_MAX);
    let state = state.and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    let context = SpanContext::new(trace, span, flags, true, state);
    context.is_valid().then_some(context)
}

/// A span of a trace as a `traceparent`.
pub(super) fn to_header(trace: TraceId, span: SpanId, is_sampled: bool) -> String {
    format!("00-{trace:032x}-{span:016x}-{:02x}", u8::from(is_sampled))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn check(traceparent: &str, expected: Option<bool>) {
        let read = parse(traceparent, None);
        assert_eq!(read.as_ref().map(SpanContext::is_sampled), expected, "{traceparent}");
        if let Some(read) = read {
            assert_eq!((read.trace_id().to_string(), read.span_id().to_string()), (TRACE.into(), SPAN.into()));
            assert!(read.is_remote());
        }
    }

    #[test]
    fn what_callers_send() {
        check(&format!("00-{TRACE}-{SPAN}-01"), Some(true));
        check(&format!("00-{TRACE}-{SPAN}-00"), Some(false));
        check(&format!("00-{TRACE}-{SPAN}-03"), Some(true));
        check(&format!(" 00-{TRACE}-{SPAN}-01 "), Some(true));
        // A version that is not known yet is read as far as it is like this one.
        check(&format!("cc-{TRACE}-{SPAN}-01"), Some(true));
        check(&format!("cc-{TRACE}-{SPAN}-01-more-of-it"), Some(true));
    }

    #[test]
    fn what_is_none() {
        let upper = TRACE.to_uppercase();
        for wrong in [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("cc-{TRACE}-{SPAN}-01more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}{SPAN}--01"),
            format!("00-{}é-{SPAN}-01", &TRACE[..30]),
            format!("é{}", "0".repeat(60)),
        ] {
            check(&wrong, None);
        }
    }

    #[test]
    fn the_state_is_kept_if_it_reads() {
        let traceparent = format!("00-{TRACE}-{SPAN}-01");
        let state = |state: &str| parse(&traceparent, Some(state)).expect("the parent reads").trace_state().header();
        assert_eq!(state("a=1,b=2"), "a=1,b=2");
        assert_eq!(state("no state"), "");
        assert_eq!(state(&format!("a={}", "x".repeat(600))), "");
    }

    #[test]
    fn what_is_written_reads() {
        let read = parse(&format!("00-{TRACE}-{SPAN}-01"), None).expect("it reads");
        assert_eq!(to_header(read.trace_id(), read.span_id(), true), format!("00-{TRACE}-{SPAN}-01"));
    }
}
