use super::*;

fn tally(name: &str) -> Arc<Tally> {
    Tally::of(&TenantId::default(), &"p".parse().unwrap(), Some(name))
}

fn flights_of(name: &str) -> Vec<Flight> {
    flights(usize::MAX).0.into_iter().filter(|flight| flight.tool == name).collect()
}

#[test]
fn a_call_is_told_of_while_it_goes_on() {
    let tally = tally("told");
    assert!(paces().iter().all(|pace| pace.tool != "told"), "nobody called it yet");
    let first = tally.begin("alice");
    let second = tally.begin("bob");
    let seen = flights_of("told");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].tenant.as_str(), seen[0].plugin.as_str()), ("default", "p"));
    assert!(seen[0].for_us >= seen[1].for_us, "the longest running is first");
    assert_ne!(seen[0].subject, seen[1].subject);
    assert_eq!(seen[0].subject, pseudonym(&TenantId::default(), "alice"));
    second.ended(Outcome::Error);
    assert_eq!(flights_of("told").len(), 1);
    drop(first);
    assert!(flights_of("told").is_empty());
    let pace = tally.pace();
    assert_eq!((pace.calls, pace.failed, pace.in_flight), (2, 1, 0));
    assert_eq!((pace.recent, pace.recent_failed), (2, 1));
    assert!(pace.p50_us.is_some());
}

#[test]
fn calls_beyond_the_places_are_counted() {
    let tally = tally("crowded");
    let marks: Vec<Mark<'_>> = (0..PLACES + 5).map(|_| tally.begin("alice")).collect();
    assert_eq!(flights_of("crowded").len(), PLACES);
    assert_eq!(tally.pace().in_flight, PLACES as u64 + 5);
    drop(marks);
    assert_eq!(tally.pace().in_flight, 0);
    let again = tally.begin("alice");
    assert_eq!(flights_of("crowded").len(), 1, "places are given back");
    drop(again);
}

#[test]
fn another_version_of_a_plugin_goes_on_counting() {
    let earlier = tally("reloaded");
    let mark = earlier.begin("alice");
    let later = tally("reloaded");
    assert_eq!(later.pace().in_flight, 1, "a call on the earlier version is still seen");
    drop(mark);
    drop(earlier);
    assert_eq!(later.pace().calls, 1);
    drop(later);
    assert_eq!(tally("reloaded").pace().calls, 0, "nobody was left who knew");
    let metrics = metrics::Metrics::start().render();
    let told = r#"toolyard_calls_total{tenant="default",plugin="p",tool="reloaded",outcome="dropped"} 1"#;
    assert!(metrics.lines().any(|line| line == told), "but the metrics: {metrics}");
}

#[test]
fn many_threads_lose_nothing() {
    let tally = tally("threads");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1_000).for_each(|_| drop(tally.begin("alice"))));
        }
    });
    let pace = tally.pace();
    assert_eq!((pace.calls, pace.in_flight), (8_000, 0));
    assert!(flights_of("threads").is_empty());
}
