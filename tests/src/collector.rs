//! A collector of traces, which reads what a host sends by OTLP over HTTP in protobuf, and nothing more of that than tests need.

use std::collections::BTreeMap;

use crate::http::Request;
use crate::site::{Answer, Site};
use crate::wait::eventually;

/// One that takes what hosts send.
pub struct Collector(Site);

/// A span, as it arrived (opentelemetry-proto, `trace.proto`). Ids are in hexadecimal; an empty one is none.
#[derive(Debug, Clone, Default)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    /// 1 is internal, 2 server, 3 client, 5 consumer.
    pub kind: u64,
    pub start_ns: u64,
    pub end_ns: u64,
    /// Numbers as text.
    pub attributes: BTreeMap<String, String>,
    /// The spans that it is linked with.
    pub links: Vec<String>,
    /// 2 is an error.
    pub status: u64,
    pub state: String,
    /// What the one who sent it says of itself.
    pub resource: BTreeMap<String, String>,
}

impl Collector {
    pub fn start() -> Collector {
        // Its site ends each connection, and says so: a client that keeps it would find it closed.
        let headers = [("Content-Type", "application/x-protobuf"), ("Connection", "close")];
        Collector(Site::open(move |_| Answer::new(200, &headers, "")))
    }

    /// `http://ADDRESS`
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// What sends traces here, as configuration.
    pub fn config(&self) -> String {
        format!("[telemetry]\notlp_endpoint = '{}'\n", self.url())
    }

    /// What was sent so far.
    pub fn seen(&self) -> Vec<Request> {
        self.0.seen()
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        let seen = self.seen();
        let sent = seen.iter().inspect(|request| {
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
            assert_eq!(request.value_of("Content-Type"), Some("application/x-protobuf"));
        });
        sent.flat_map(|request| spans(&request.body)).collect()
    }

    /// Waits until a trace has spans of all these names, and gives its spans.
    pub fn trace(&self, trace: &str, names: &[&str]) -> Vec<Span> {
        eventually(&format!("trace {trace} to have {names:?}"), || {
            let spans: Vec<Span> = self.spans().into_iter().filter(|span| span.trace == trace).collect();
            names.iter().all(|name| spans.iter().any(|span| span.name == *name)).then_some(spans)
        })
    }
}

impl Span {
    /// The one of that name.
    pub fn find<'a>(spans: &'a [Span], name: &str) -> &'a Span {
        let mut found = spans.iter().filter(|span| span.name == name);
        let first = found.next().unwrap_or_else(|| panic!("no `{name}` among {spans:#?}"));
        assert!(found.next().is_none(), "several `{name}` among {spans:#?}");
        first
    }

    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).unwrap_or_else(|| panic!("no `{key}`: {self:#?}"))
    }
}

/// `ExportTraceServiceRequest`
fn spans(request: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    for resource_spans in messages(request, 1) {
        let resource = messages(resource_spans, 1).first().map(|resource| attributes(resource, 1));
        for scope_spans in messages(resource_spans, 2) {
            for span in messages(scope_spans, 2) {
                all.push(Span { resource: resource.clone().unwrap_or_default(), ..self::span(span) });
            }
        }
    }
    all
}

fn span(message: &[u8]) -> Span {
    let mut span = Span { attributes: attributes(message, 9), ..Span::default() };
    for (number, field) in fields(message) {
        match (number, field) {
            (1, Field::Bytes(id)) => span.trace = hex(id),
            (2, Field::Bytes(id)) => span.id = hex(id),
            (3, Field::Bytes(state)) => span.state = text(state),
            (4, Field::Bytes(id)) => span.parent = hex(id),
            (5, Field::Bytes(name)) => span.name = text(name),
            (6, Field::Number(kind)) => span.kind = kind,
            (7, Field::Number(ns)) => span.start_ns = ns,
            (8, Field::Number(ns)) => span.end_ns = ns,
            (13, Field::Bytes(link)) => span.links.extend(messages(link, 2).into_iter().map(hex)),
            (15, Field::Bytes(status)) => {
                let code = fields(status).into_iter().find_map(|(number, field)| match (number, field) {
                    (3, Field::Number(code)) => Some(code),
                    _ => None,
                });
                span.status = code.unwrap_or_default();
            }
            _ => {}
        }
    }
    span
}

/// The `KeyValue`s in field `number`.
fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let pairs = messages(message, number).into_iter().map(|pair| {
        let key = messages(pair, 1).first().map(|key| text(key)).unwrap_or_default();
        let value = messages(pair, 2).first().and_then(|value| fields(value).into_iter().next());
        let value = match value {
            Some((_, Field::Bytes(value))) => text(value),
            Some((_, Field::Number(value))) => value.to_string(),
            None => String::new(),
        };
        (key, value)
    });
    pairs.collect()
}

/// A field's value on the wire (Protocol Buffers, "Encoding").
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// What stands in field `number`, where that has lengths.
fn messages(message: &[u8], number: u64) -> Vec<&[u8]> {
    let found = fields(message).into_iter().filter_map(|(own, field)| match field {
        Field::Bytes(bytes) if own == number => Some(bytes),
        _ => None,
    });
    found.collect()
}

fn fields(mut rest: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut rest)),
            1 => Field::Number(u64::from_le_bytes(take(&mut rest, 8).try_into().expect("8 bytes"))),
            2 => {
                let length = usize::try_from(varint(&mut rest)).expect("a length fits");
                Field::Bytes(take(&mut rest, length))
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut rest, 4).try_into().expect("4 bytes")).into()),
            other => panic!("no field of kind {other} is expected"),
        };
        fields.push((tag >> 3, field));
    }
    fields
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    assert!(length <= rest.len(), "a message ends too early");
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a number does not end");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("a string is UTF-8")
}
