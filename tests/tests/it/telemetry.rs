//! What the host tells its operator of itself: traces and metrics.

mod collector;
mod dashboard;
mod metrics;
mod spans;

use std::collections::BTreeMap;

use toolyard_tests::Host;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A caller's `traceparent`, whose trace is sampled.
fn sampled() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// A metric's samples: their labels, as they stand there, and their values.
pub(crate) type Samples = Vec<(BTreeMap<String, String>, f64)>;

/// Everything that `/metrics` says, by name. Strict about the form: what a scraper would drop fails here.
pub(crate) fn scrape(host: &Host) -> BTreeMap<String, Samples> {
    let reply = host.admin("/metrics");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(reply.body).expect("metrics are text");
    let (mut metrics, mut kinds) = (BTreeMap::<String, Samples>::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels: {line}"));
        let labels = labels.split("\",").filter(|label| !label.is_empty()).map(|label| {
            let (key, value) = label.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            (key.to_owned(), value.trim_end_matches('"').to_owned())
        });
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        metrics.entry(name.to_owned()).or_default().push((labels.collect(), value));
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(kinds.contains_key(name) || family.is_some_and(|family| kinds.contains_key(family)), "no type: {line}");
    }
    for (name, samples) in &metrics {
        let mut labels: Vec<_> = samples.iter().map(|(labels, _)| labels).collect();
        labels.sort();
        assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "a series of {name} stands there twice: {samples:?}");
    }
    metrics
}

/// The sum of a metric's samples that have these labels.
pub(crate) fn sum(metrics: &BTreeMap<String, Samples>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |own: &BTreeMap<String, String>| {
        labels.iter().all(|(key, value)| own.get(*key).is_some_and(|own| own == value))
    };
    let samples = metrics.get(name).map_or(&[][..], Vec::as_slice);
    samples.iter().filter(|(own, _)| has(own)).map(|(_, value)| value).sum()
}
