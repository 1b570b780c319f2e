use opentelemetry::trace::SpanContext;

use super::*;

const META: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn tracer(sample_ratio: f64) -> (Tracer, mpsc::Receiver<SpanData>) {
    let (sender, spans) = mpsc::channel(1000);
    (Tracer::new(sender, sample_ratio, true), spans)
}

fn request(tracer: &Tracer, header: Option<&str>, meta: Option<&str>) -> Trace {
    let headers = header
        .map(|header| [("traceparent".parse().unwrap(), header.parse().unwrap())].into_iter().collect::<HeaderMap>());
    let mut trace = Trace::arrived(headers.as_ref());
    let context = meta.map(|meta| (meta, Some("vendor=1")));
    trace.open(Some(tracer), || Begun { name: "tools/call", context, attributes: Vec::new() });
    trace
}

fn ended(spans: &mut mpsc::Receiver<SpanData>) -> Vec<SpanData> {
    std::iter::from_fn(|| spans.try_recv().ok()).collect()
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn id(context: &SpanContext) -> String {
    context.span_id().to_string()
}

#[tokio::test]
async fn what_happens_in_a_request_is_below_it() {
    let (tracer, mut spans) = tracer(0.0);
    let mut trace = Trace::arrived(None);
    trace.authenticated("key", false);
    trace.open(Some(&tracer), || Begun {
        name: "tools/call",
        context: Some((META, Some("vendor=1"))),
        attributes: Vec::new(),
    });
    let open = Arc::clone(trace.sampled().expect("its caller is sampled"));
    here(&trace, || drop(begin("policy", SpanKind::Internal)));
    let propagated = within(Arc::clone(&open), async {
        let guest = begin("guest", SpanKind::Internal).with_children();
        assert!(open.context().0.starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
        tokio::task::yield_now().await;
        let request = begin("GET", SpanKind::Client);
        let propagated = request.to_propagate().expect("it is to be told");
        drop((request, guest));
        drop(begin("after", SpanKind::Internal));
        propagated
    })
    .await;
    open.is_about("echo", [KeyValue::new("toolyard.plugin", "echo")]);
    open.failed("tool_error", None);
    open.failed("another", None);
    drop((trace, open));
    let spans = ended(&mut spans);
    let whole = named(&spans, "tools/call echo");
    assert_eq!(whole.parent_span_id.to_string(), "b7ad6b7169203331");
    assert!(whole.parent_span_is_remote);
    assert_eq!(whole.status, Status::error("tool_error"));
    let (guest, get) = (named(&spans, "guest"), named(&spans, "GET"));
    for (child, parent) in [("auth", whole), ("policy", whole), ("guest", whole), ("after", whole), ("GET", guest)] {
        assert_eq!(named(&spans, child).parent_span_id, parent.span_context.span_id(), "{child}");
    }
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c", "{}", span.name);
        assert!(span.start_time >= whole.start_time && span.end_time <= whole.end_time, "{}", span.name);
    }
    assert!(propagated.0.contains(&id(&get.span_context)), "{propagated:?}");
    assert_eq!(propagated.1.as_deref(), Some("vendor=1"));
    assert_eq!(spans.len(), 6);
}

#[tokio::test]
async fn the_message_says_it_before_the_headers() {
    let (tracer, mut spans) = tracer(0.0);
    drop(request(&tracer, Some(HEADER), Some(META)));
    drop(request(&tracer, Some(HEADER), None));
    drop(request(&tracer, None, Some(META)));
    let spans = ended(&mut spans);
    let parents: Vec<String> = spans.iter().map(|span| span.parent_span_id.to_string()).collect();
    assert_eq!(parents, ["b7ad6b7169203331", "00f067aa0ba902b7", "b7ad6b7169203331"]);
    let links: Vec<usize> = spans.iter().map(|span| span.links.len()).collect();
    assert_eq!(links, [1, 0, 0]);
    assert_eq!(id(&spans[0].links[0].span_context), "00f067aa0ba902b7");
}

#[tokio::test]
async fn a_caller_who_is_not_sampled_decides_for_the_host() {
    let (tracer, mut spans) = tracer(1.0);
    let trace = request(&tracer, None, Some(UNSAMPLED));
    assert!(trace.sampled().is_none());
    assert!(!here(&trace, || begin("policy", SpanKind::Internal)).is_seen());
    drop(trace);
    assert!(ended(&mut spans).is_empty());
}

#[tokio::test]
async fn of_the_others_a_part_is_sampled() {
    for (ratio, expected) in [(0.0, 0..=0), (0.1, 50..=150), (0.5, 400..=600), (1.0, 1000..=1000)] {
        let (tracer, mut spans) = tracer(ratio);
        // What does not read was not said.
        (0..1000).for_each(|_| drop(request(&tracer, Some("no trace"), None)));
        let spans = ended(&mut spans);
        assert!(expected.contains(&spans.len()), "{ratio}: {}", spans.len());
        assert!(spans.iter().all(|span| span.parent_span_id == SpanId::INVALID));
    }
}

#[tokio::test]
async fn a_full_queue_holds_nobody_up() {
    let (sender, mut spans) = mpsc::channel(2);
    let tracer = Tracer::new(sender, 1.0, true);
    (0..10).for_each(|_| drop(request(&tracer, None, None)));
    assert_eq!(ended(&mut spans).len(), 2);
}

#[tokio::test]
async fn without_a_tracer_nothing_is_opened() {
    let mut trace = Trace::arrived(None);
    trace.open(None, || panic!("nobody asks for it"));
    assert!(trace.sampled().is_none());
    let (tracer, _spans) = tracer(1.0);
    let mut off = Trace::Off;
    off.open(Some(&tracer), || panic!("nobody asks for it"));
    assert!(!begin("outside of any request", SpanKind::Internal).is_seen());
}

#[tokio::test]
async fn what_outlives_its_request_is_still_below_it() {
    let (tracer, mut spans) = tracer(1.0);
    let trace = request(&tracer, None, None);
    let open = Arc::clone(trace.sampled().expect("all are sampled"));
    open.ended();
    open.is_about("late", []);
    open.failed("late", None);
    drop(open.begin("guest", SpanKind::Internal));
    drop((trace, open));
    let spans = ended(&mut spans);
    assert_eq!(spans.len(), 2, "it ends once");
    assert_eq!(spans[0].name, "tools/call");
    assert_eq!(spans[1].parent_span_id, spans[0].span_context.span_id());
}

#[test]
fn how_many_are_traced_can_change() {
    let (tracer, mut spans) = tracer(0.0);
    let taker = tracer.taker();
    let sampled = |spans: &mut mpsc::Receiver<SpanData>| {
        drop(request(&tracer, None, None));
        ended(spans).len()
    };
    let take = |telemetry: &str| {
        let written = crate::config::Written::parse(telemetry).unwrap();
        taker(&written.usable(std::path::Path::new("/")).unwrap()).unwrap()();
    };
    assert_eq!(sampled(&mut spans), 0);
    take("[telemetry]\notlp_endpoint = 'http://c'\nsample_ratio = 1.0\npropagate = false");
    assert_eq!(sampled(&mut spans), 1);
    assert!(!tracer.0.propagates.load(Ordering::Relaxed));
    take("[telemetry]\notlp_endpoint = 'http://c'\nsample_ratio = 0.0");
    assert_eq!(sampled(&mut spans), 0);
    take("");
    assert!(tracer.0.propagates.load(Ordering::Relaxed), "that nothing is traced holds from the next start on");
}
