//! A short chaos: `cargo xtask chaos` is the long one.

use std::time::Duration;

use toolyard_tests::chaos::{Settings, Store, run};

/// Checks that nothing went wrong, and that something was done.
fn survives(store: Store, seconds: u64) {
    let settings = Settings { duration: Duration::from_secs(seconds), clients: 60, store, seed: 20 };
    let tally = run(&settings);
    assert!(tally.violations().is_empty(), "{tally}");
    assert!(tally.of("hosts", "killed") > 1 && tally.of("counted requests", "run once") > 10, "{tally}");
    for kind in ["modern calls", "modern questions", "legacy calls", "legacy questions", "legacy long calls"] {
        assert!(tally.of(kind, "done") > 5, "{kind}: {tally}");
    }
}

#[test]
fn hosts_on_redis_are_killed_and_nothing_is_lost() {
    survives(Store::Redis, 20);
}

#[test]
fn hosts_on_one_file_are_killed_and_nothing_is_lost() {
    survives(Store::Sqlite, 10);
}
