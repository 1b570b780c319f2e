//! A collector that is away, slow or strange: calls never know.

use serde_json::json;
use toolyard_tests::{Answer, Authority, Collector, Setup, Site, eventually};

use super::{scrape, sum};

fn setup(url: &str) -> Setup {
    let config = format!("admin_listen = '127.0.0.1:0'\n[telemetry]\notlp_endpoint = '{url}'\n");
    Setup::new().guest("echo").config(&config)
}

#[test]
fn what_was_traced_last_is_sent_before_the_host_ends() {
    let collector = Collector::start();
    let host = setup(&collector.url()).start();
    host.call("echo_context", &json!({}));
    host.stop();
    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    assert!(names.iter().any(|name| name == "tools/call echo_context"), "{names:?}");
}

#[test]
fn a_collector_that_is_away_is_said_once_and_counted() {
    let away = Site::open(|_| Answer::new(400, &[("Connection", "close")], "no"));
    let host = setup(&away.url()).start();
    let failed = || sum(&scrape(&host), "toolyard_spans_total", &[("result", "failed")]);
    host.call("echo_context", &json!({}));
    let first = eventually("the first batch to fail", || Some(failed()).filter(|failed| *failed > 0.0));
    host.call("echo_context", &json!({}));
    eventually("the second batch to fail", || (failed() > first).then_some(()));
    let said = host.log.lines().iter().filter(|line| line.contains("does not take traces")).count();
    assert_eq!(said, 1);
    host.stop();
}

#[test]
fn a_collector_that_never_answers_does_not_keep_the_host() {
    let silent = Site::open(|_| Answer::Silence(Vec::new()));
    let host = setup(&silent.url()).start();
    for _ in 0..3 {
        host.call("echo_context", &json!({}));
    }
    eventually("the collector to be asked", || (silent.connections() > 0).then_some(()));
    host.call("echo_context", &json!({}));
    // Ends well, whatever is still to be sent.
    host.stop();
}

#[test]
fn a_secret_goes_with_what_is_sent_and_nowhere_else() {
    let authority = Authority::new();
    let collector = Site::secured(&authority, "localhost", |_| Answer::new(200, &[("Connection", "close")], ""));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("token");
    std::fs::write(&secret, "hunter2\n").expect("a file can be written");
    let config = format!(
        "[secret.otlp]\nfile = '{}'\n[telemetry]\notlp_endpoint = 'https://localhost:{}/otlp'\nca_files = ['{}']\n\
         headers = [{{ name = 'Authorization', secret = 'otlp', prefix = 'Bearer ' }}]\n",
        secret.display(),
        collector.port(),
        authority.file().display()
    );
    let host = Setup::new().guest("echo").config(&config).start();
    host.call("echo_context", &json!({}));
    let sent = eventually("something to be sent", || collector.seen().into_iter().next());
    assert_eq!(sent.path, "/otlp/v1/traces");
    assert_eq!(sent.value_of("Authorization"), Some("Bearer hunter2"));
    assert!(!String::from_utf8_lossy(&sent.body).contains("hunter2"));
    assert!(!host.log.has(&["hunter2"]));
    host.stop();
}
