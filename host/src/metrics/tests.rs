use std::time::Duration;

use super::*;

/// The value of a series. Tests share one set of counts, so that each has names of its own.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap_or_else(|_| panic!("{series} is no number: {line}")))
}

#[test]
fn a_call_is_counted_by_how_it_ended() {
    let metrics = Metrics::start();
    let tool = of_tool("t", "counted", Some("add")).count();
    for outcome in [Outcome::Ok, Outcome::Limit, Outcome::Dropped] {
        tool.begun();
        tool.ended(outcome, Duration::from_millis(1));
    }
    tool.begun();
    tool.used(Duration::from_millis(1500));
    assert_eq!((tool.calls(), tool.failed(), tool.in_flight()), (3, 1, 1));
    let labels = r#"tenant="t",plugin="counted",tool="add""#;
    let text = metrics.render();
    for (outcome, count) in [("ok", 1.0), ("limit", 1.0), ("dropped", 1.0)] {
        let series = format!("toolyard_calls_total{{{labels},outcome=\"{outcome}\"}}");
        assert_eq!(value(&text, &series), Some(count), "{series}");
    }
    assert!(!text.contains(&format!("toolyard_calls_total{{{labels},outcome=\"busy\"}}")));
    assert_eq!(value(&text, &format!("toolyard_calls_in_flight{{{labels}}}")), Some(1.0));
    assert_eq!(value(&text, &format!("toolyard_guest_cpu_seconds_total{{{labels}}}")), Some(1.5));
    assert_eq!(value(&text, &format!("toolyard_call_duration_seconds_count{{{labels}}}")), Some(3.0));
    tool.ended(Outcome::Ok, Duration::from_millis(1));
    assert_eq!(value(&metrics.render(), &format!("toolyard_calls_in_flight{{{labels}}}")), Some(0.0));
    // A tool that is gone and comes again goes on where it was.
    drop(tool);
    let calls = format!("toolyard_calls_total{{{labels},outcome=\"ok\"}}");
    assert_eq!(value(&metrics.render(), &calls), Some(2.0));
    let again = of_tool("t", "counted", Some("add")).count();
    again.begun();
    again.ended(Outcome::Ok, Duration::from_millis(1));
    assert_eq!((value(&metrics.render(), &calls), again.calls()), (Some(3.0), 1));
}

#[test]
fn tools_that_are_counted_together_are_told_as_a_sum() {
    let metrics = Metrics::start();
    let [one, other] = [(); 2].map(|()| of_tool("t", "together", None).count());
    [&one, &one, &other].into_iter().for_each(Counts::begun);
    one.ended(Outcome::Ok, Duration::from_millis(1));
    assert_eq!((one.in_flight(), other.in_flight(), other.calls()), (1, 1, 0), "each is still known by itself");
    let series = r#"toolyard_calls_in_flight{tenant="t",plugin="together",tool="(none)"}"#;
    assert_eq!(value(&metrics.render(), series), Some(2.0));
}

#[test]
fn times_are_in_the_buckets_they_fit() {
    let metrics = Metrics::start();
    let plugin = of_plugin("t", "timed");
    for ms in [1, 2, 30, 100_000] {
        plugin.waited(Duration::from_millis(ms));
    }
    let text = metrics.render();
    let at = |bound: &str| {
        let labels = format!("tenant=\"t\",plugin=\"timed\",le=\"{bound}\"");
        value(&text, &format!("toolyard_queue_wait_seconds_bucket{{{labels}}}"))
    };
    assert_eq!(
        [at("0.00025"), at("0.001"), at("0.0025"), at("0.1"), at("60"), at("+Inf")],
        [Some(0.0), Some(1.0), Some(2.0), Some(3.0), Some(3.0), Some(4.0)]
    );
    let sum = value(&text, "toolyard_queue_wait_seconds_sum{tenant=\"t\",plugin=\"timed\"}").expect("there is one");
    assert!((sum - 100.033).abs() < 1e-9, "{sum}");
}

#[test]
fn what_is_rare_is_counted_with_its_tenant() {
    let metrics = Metrics::start();
    let plugin = of_plugin("t", "rare");
    plugin.limit_reached("cpu_ms_max");
    plugin.limit_reached("cpu_ms_max");
    plugin.refused("http");
    plugin.denied();
    plugin.requested("2xx");
    let text = metrics.render();
    let labels = r#"tenant="t",plugin="rare""#;
    for (series, expected) in [
        (format!("toolyard_limit_reached_total{{{labels},limit=\"cpu_ms_max\"}}"), 2.0),
        (format!("toolyard_refused_total{{{labels},grant=\"http\"}}"), 1.0),
        (format!("toolyard_policy_denied_total{{{labels}}}"), 1.0),
        (format!("toolyard_http_requests_total{{{labels},outcome=\"2xx\"}}"), 1.0),
    ] {
        assert_eq!(value(&text, &series), Some(expected), "{series}");
    }
}

#[test]
fn requests_are_counted_by_what_they_were() {
    let metrics = Metrics::start();
    answered(Era::Legacy, Method::of("tasks/list"), Answered::Fault);
    let series = r#"toolyard_requests_total{era="legacy",method="tasks/list",outcome="fault"}"#;
    assert_eq!(value(&metrics.render(), series), Some(1.0));
}
