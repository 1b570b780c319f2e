use futures_util::poll;

use super::*;
use crate::store::Sqlite;

const DAY: u64 = 20_000;

fn plugin() -> Arc<OfPlugin> {
    crate::metrics::of_plugin("acme", "p")
}

fn share(quotas: &Quotas) -> Share {
    Share::new("acme".parse().unwrap(), quotas)
}

fn per_day(calls: u64) -> Quotas {
    Quotas { calls_per_day_max: Some(calls), ..Quotas::default() }
}

/// A call begins, or may not.
fn call(share: &Share, day: u64) -> Result<(), Exceeded> {
    let quotas = share.bounds.load().quotas.clone();
    share.admit(&quotas, day).map(|entry| drop(entry.begun()))
}

fn calls(share: &Share, day: u64) -> usize {
    (0..100).take_while(|_| call(share, day).is_ok()).count()
}

#[tokio::test]
async fn a_day_is_counted_on_all_hosts_together() {
    let store = Sqlite::in_memory().unwrap();
    let [here, there] = [(); 2].map(|()| share(&per_day(3)));
    for share in [&here, &there] {
        share.settle_on(DAY, &store).await.unwrap();
        assert_eq!(call(share, DAY), Ok(()));
    }
    here.settle_on(DAY, &store).await.unwrap();
    there.settle_on(DAY, &store).await.unwrap();
    assert_eq!(calls(&there, DAY), 1);
    assert_eq!(call(&there, DAY), Err(Exceeded::CallsPerDayMax));
    there.settle_on(DAY, &store).await.unwrap();
    here.settle_on(DAY, &store).await.unwrap();
    assert_eq!(call(&here, DAY), Err(Exceeded::CallsPerDayMax));
    // The operator gives it more; and a host that starts again knows what there was.
    here.set(&per_day(4));
    let again = share(&per_day(4));
    again.settle_on(DAY, &store).await.unwrap();
    assert_eq!((calls(&here, DAY), calls(&again, DAY)), (1, 1));
}

#[tokio::test]
async fn another_day_begins_at_midnight_and_not_when_the_store_is_asked() {
    let store = Sqlite::in_memory().unwrap();
    let share = share(&per_day(3));
    share.settle_on(DAY, &store).await.unwrap();
    assert_eq!(calls(&share, DAY), 3);
    // What is used before anything was settled counts, too.
    assert_eq!(calls(&share, DAY + 1), 3);
    share.settle_on(DAY + 1, &store).await.unwrap();
    assert_eq!(call(&share, DAY + 1), Err(Exceeded::CallsPerDayMax));
    share.settle_on(DAY + 2, &store).await.unwrap();
    let kept = [DAY + 1, DAY + 2].map(|day| format!("calls/{day}"));
    assert_eq!(store.kept_keys("quota:acme", None, 10).await.unwrap(), kept, "no more than yesterday's");
}

#[tokio::test]
async fn what_a_new_tenant_does_before_the_first_settling_counts() {
    let store = Sqlite::in_memory().unwrap();
    let share = share(&per_day(3));
    assert_eq!(calls(&share, DAY), 3);
    share.settle_on(DAY, &store).await.unwrap();
    assert_eq!(call(&share, DAY), Err(Exceeded::CallsPerDayMax));
}

#[tokio::test]
async fn a_call_that_does_not_begin_is_not_counted() {
    let quotas = Quotas { calls_max: Some(1), calls_per_second_max: Some(100), ..per_day(3) };
    let (share, plugin) = (share(&quotas), plugin());
    let running = share.enter(&plugin, Duration::ZERO).await.unwrap().begun();
    assert_eq!(share.enter(&plugin, Duration::ZERO).await.err(), Some(Exceeded::CallsMax));
    // One gives up while it waits for its tenant's place, and one gets that and then no place of the host's.
    let mut waits = Box::pin(share.enter(&plugin, Duration::from_secs(60)));
    assert!(poll!(&mut waits).is_pending());
    drop(waits);
    drop(running);
    drop(share.enter(&plugin, Duration::ZERO).await.unwrap());
    assert_eq!(share.calls.here.get(today()), 1);
    assert!(share.enter(&plugin, Duration::ZERO).await.is_ok(), "its place is free again");
}

#[tokio::test]
async fn what_is_given_back_late_is_told() {
    let store = Sqlite::in_memory().unwrap();
    let [here, there] = [(); 2].map(|()| share(&per_day(2)));
    let quotas = per_day(2);
    let entry = here.admit(&quotas, DAY).unwrap();
    here.settle_on(DAY, &store).await.unwrap();
    drop(entry);
    here.settle_on(DAY, &store).await.unwrap();
    there.settle_on(DAY, &store).await.unwrap();
    assert_eq!(calls(&there, DAY), 2);
    // What is given back on the day after takes nothing away from that day.
    let entry = here.admit(&per_day(9), DAY).unwrap();
    assert_eq!(call(&here, DAY + 1), Ok(()));
    drop(entry);
    assert_eq!(here.calls.here.get(DAY + 1), 1);
}

#[tokio::test]
async fn processor_time_of_a_day_comes_to_an_end() {
    let store = Sqlite::in_memory().unwrap();
    let quotas = Quotas { cpu_ms_per_day_max: Some(5), ..Quotas::default() };
    let [here, there] = [(); 2].map(|()| share(&quotas));
    for share in [&here, &there] {
        share.settle_on(DAY, &store).await.unwrap();
    }
    here.spent().add(Duration::from_millis(4));
    assert_eq!(call(&here, DAY), Ok(()));
    here.spent().add(Duration::from_millis(1));
    assert_eq!(call(&here, DAY), Err(Exceeded::CpuMsPerDayMax));
    assert_eq!(call(&there, DAY), Ok(()), "it has not heard of it yet");
    here.settle_on(DAY, &store).await.unwrap();
    there.settle_on(DAY, &store).await.unwrap();
    for share in [&here, &there] {
        assert_eq!(call(share, DAY), Err(Exceeded::CpuMsPerDayMax));
        assert_eq!(call(share, DAY + 1), Ok(()), "the next day");
    }
    here.spent().add(Duration::from_millis(5));
    assert_eq!(call(&here, DAY + 1), Err(Exceeded::CpuMsPerDayMax));
}

#[tokio::test]
async fn calls_that_run_take_places_whatever_the_quotas_become() {
    let at_once = |calls_max: u32| Quotas { calls_max: Some(calls_max), ..Quotas::default() };
    let (share, plugin) = (share(&at_once(2)), plugin());
    let enter = async || share.enter(&plugin, Duration::ZERO).await.map(Entry::begun);
    let mut running = vec![enter().await.unwrap(), enter().await.unwrap()];
    // More of something else: the two that run are still two.
    share.set(&Quotas { calls_per_second_max: Some(1000), ..at_once(2) });
    assert_eq!(enter().await.err(), Some(Exceeded::CallsMax));
    share.set(&at_once(3));
    running.push(enter().await.unwrap());
    assert_eq!(enter().await.err(), Some(Exceeded::CallsMax));
    // Fewer: until enough have ended, none begins.
    share.set(&at_once(1));
    for _ in 0..2 {
        running.pop();
        assert_eq!(enter().await.err(), Some(Exceeded::CallsMax));
    }
    running.pop();
    let last = enter().await.unwrap();
    assert_eq!(enter().await.err(), Some(Exceeded::CallsMax));
    drop(last);
}

#[test]
fn a_tenant_has_so_many_streams() {
    let share = Share::new(TenantId::default(), &Quotas { streams_max: Some(2), ..Quotas::default() });
    let (first, second) = (share.open_stream(), share.open_stream());
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(share.open_stream().err(), Some(Exceeded::StreamsMax));
    drop(first);
    let third = share.open_stream();
    assert!(third.is_ok() && share.open_stream().is_err());
    // Those that are open stay open under closer quotas, and count.
    share.set(&Quotas { streams_max: Some(1), ..Quotas::default() });
    drop(second);
    assert!(share.open_stream().is_err());
    drop(third);
    assert!(share.open_stream().is_ok());
}
