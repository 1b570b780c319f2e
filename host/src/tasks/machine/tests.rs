use super::*;
use crate::tasks::New;

const RULES: Rules = Rules { attempts_max: 3, result_ttl_ms: 900_000 };
const HOUR_MS: u64 = 3_600_000;

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn task(idempotent: bool, host: Option<&str>) -> Task {
    let owner = Owner { tenant: TenantId::default(), subject: "ann".into() };
    let new = New { owner, work: json("{}"), answers: Vec::new(), idempotent, ttl_ms: None, message: None };
    Task::begin(TaskId::new([1; 20]), new, HOUR_MS, 0, host)
}

fn claim(host: &str) -> Event {
    Event::Claim { host: host.into(), chance: 0 }
}

fn finish(number: u64, ended: Ended) -> Event {
    Event::Finish { number, ended, chance: 0 }
}

fn asks(questions: &[&str]) -> Ended {
    let questions = questions.iter().map(|key| ((*key).to_owned(), json("{}")));
    Ended::Asks { work: json("{\"round\":2}"), questions: questions.collect() }
}

fn answer(keys: &[&str]) -> Event {
    Event::Answer { answers: keys.iter().map(|key| ((*key).to_owned(), json("{\"said\":1}"))).collect() }
}

fn failure(task: &Task) -> &str {
    let State::Failed(failure) = &task.state else { panic!("it is {:?}", task.state) };
    assert_eq!(failure.code, INTERNAL_ERROR);
    &failure.message
}

/// What comes of events, each at its time.
fn after(task: &Task, events: &[(u64, Event)]) -> Task {
    events.iter().fold(task.clone(), |task, (now_ms, event)| task.apply(event, *now_ms, &RULES).unwrap())
}

#[test]
fn a_claim_counts_before_anything_runs() {
    let free = task(false, None);
    assert_eq!((free.attempts, free.due_ms()), (0, Some(0)));
    let held = after(&free, &[(5, claim("a"))]);
    assert_eq!(held.lease(), Some(&Lease { host: "a".into(), number: 1, until_ms: 5 + LEASE_MS }));
    assert_eq!(held.attempts, 1);
    assert_eq!(held.apply(&claim("b"), 6, &RULES).unwrap_err(), Ignored::Taken);
    assert_eq!(task(false, Some("a")).attempts, 1);
}

#[test]
fn a_lease_is_taken_over_only_after_what_clocks_may_differ() {
    let held = task(true, Some("a"));
    let over = LEASE_MS + SKEW_MS_MAX;
    assert_eq!(held.due_ms(), Some(over));
    for early in [LEASE_MS, over - 1] {
        assert_eq!(held.apply(&claim("b"), early, &RULES).unwrap_err(), Ignored::Taken);
    }
    let free = after(&held, &[(over, claim("b"))]);
    assert_eq!(free.lease(), None);
    let due = free.due_ms().unwrap();
    assert!(due > over);
    assert_eq!(free.apply(&claim("b"), due - 1, &RULES).unwrap_err(), Ignored::NotDue);
    let again = after(&free, &[(due, claim("b"))]);
    assert_eq!((again.attempts, again.lease().unwrap().number), (2, 2));
}

#[test]
fn a_lost_host_is_told_to_those_who_called_what_is_not_idempotent() {
    let lost = after(&task(false, Some("a")), &[(LEASE_MS + SKEW_MS_MAX, Event::Look { chance: 0 })]);
    assert!(failure(&lost).contains("not idempotent"));
}

#[test]
fn a_host_is_lost_only_so_often() {
    let mut task = task(true, Some("a"));
    let mut starts = 1;
    while !task.is_ended() {
        let now_ms = task.due_ms().unwrap();
        task = after(&task, &[(now_ms, claim("b"))]);
        starts += u32::from(task.lease().is_some());
    }
    assert_eq!(starts, RULES.attempts_max);
    assert!(failure(&task).contains("3 times"));
}

#[test]
fn a_lease_that_is_over_is_not_renewed() {
    let held = task(true, Some("a"));
    let renewed = after(&held, &[(LEASE_MS - 1, Event::Renew { number: 1 })]);
    assert_eq!(renewed.lease().unwrap().until_ms, 2 * LEASE_MS - 1);
    assert_eq!(renewed.revision, held.revision);
    let late = renewed.apply(&Event::Renew { number: 1 }, 2 * LEASE_MS - 1, &RULES);
    assert_eq!(late.unwrap_err(), Ignored::LeaseOver);
}

#[test]
fn what_an_earlier_holder_says_is_ignored() {
    let over = LEASE_MS + SKEW_MS_MAX;
    let free = after(&task(true, Some("a")), &[(over, claim("b"))]);
    let held = after(&free, &[(free.due_ms().unwrap(), claim("b"))]);
    for late in [
        finish(1, Ended::Result(json("1"))),
        Event::Renew { number: 1 },
        Event::Progress { number: 1, message: "half".into() },
        Event::Release { number: 1 },
    ] {
        assert_eq!(held.apply(&late, over + 2000, &RULES).unwrap_err(), Ignored::NotHeld);
        assert_eq!(free.apply(&late, over, &RULES).unwrap_err(), Ignored::NotHeld);
    }
}

#[test]
fn an_end_may_come_late_as_long_as_nobody_took_over() {
    let late = after(&task(false, Some("a")), &[(LEASE_MS * 9, finish(1, Ended::Result(json("42"))))]);
    let State::Completed { result } = late.state else { panic!() };
    assert_eq!(result.get(), "42");
}

#[test]
fn an_end_stays() {
    let held = task(true, Some("a"));
    let expired = (HOUR_MS + SKEW_MS_MAX, Event::Look { chance: 0 });
    let ends =
        [(1, finish(1, Ended::Result(json("1")))), (1, finish(1, Ended::Failed(cut()))), (1, Event::Cancel), expired];
    for end in ends {
        let ended = after(&held, &[end]);
        assert!(ended.is_ended() && ended.due_ms().is_none() && ended.work.is_none());
        for event in [
            claim("b"),
            Event::Cancel,
            finish(1, Ended::Result(json("2"))),
            Event::Renew { number: 1 },
            answer(&["a"]),
            Event::Look { chance: 0 },
        ] {
            assert_eq!(ended.apply(&event, 2 * HOUR_MS, &RULES).unwrap_err(), Ignored::Ended);
        }
    }
}

fn cut() -> Failure {
    Failure { code: -1, message: "x".into(), data: None }
}

#[test]
fn a_retryable_guest_is_run_again_though_it_is_not_idempotent() {
    let again = |after_ms| finish(1, Ended::Retryable { after_ms, otherwise: json("\"no\"") });
    let hinted = after(&task(false, Some("a")), &[(100, again(Some(7_000)))]);
    assert_eq!(hinted.due_ms(), Some(7_100));
    assert!(hinted.message.unwrap().contains("2 of 3"));
    let backed_off = after(&task(false, Some("a")), &[(100, again(None))]);
    let wait = backed_off.due_ms().unwrap() - 100;
    assert!((BACKOFF_MS / 2..=BACKOFF_MS).contains(&wait), "{wait}");
    // Beyond the task's time there is no point in waiting.
    let never = after(&task(false, Some("a")), &[(100, again(Some(HOUR_MS)))]);
    assert!(matches!(never.state, State::Completed { .. }));
}

#[test]
fn a_guest_is_retried_only_so_often_and_then_its_own_words_are_the_result() {
    let mut task = task(false, Some("a"));
    let mut starts = 0;
    while !task.is_ended() {
        starts += 1;
        let ended = Ended::Retryable { after_ms: Some(1), otherwise: json("\"no\"") };
        task = after(&task, &[(starts * 1_000, finish(starts, ended))]);
        if let Some(due) = task.due_ms() {
            task = after(&task, &[(due, claim("b"))]);
        }
    }
    assert_eq!(starts, u64::from(RULES.attempts_max));
    let State::Completed { result } = task.state else { panic!() };
    assert_eq!(result.get(), "\"no\"");
}

#[test]
fn waits_double_up_to_a_minute_and_are_spread() {
    for (attempts, most) in [(1, 1_000), (2, 2_000), (3, 4_000), (7, 60_000), (60, 60_000)] {
        let waits = (0..10_000).map(|chance| backoff(attempts, chance * 7));
        let (least, longest) = waits.fold((u64::MAX, 0), |(low, high), wait| (low.min(wait), high.max(wait)));
        assert!(least < most * 6 / 10 && least >= most / 2, "{attempts}: {least}");
        assert!(longest > most * 9 / 10 && longest <= most, "{attempts}: {longest}");
    }
}

#[test]
fn what_was_not_run_does_not_count() {
    for event in [finish(1, Ended::NotRun), Event::Release { number: 1 }] {
        let back = after(&task(false, Some("a")), &[(1, event)]);
        assert_eq!((back.attempts, back.lease()), (0, None));
        let due = back.due_ms().unwrap();
        assert!(due <= 1 + NO_PLACE_MS);
        let held = after(&back, &[(due, claim("b"))]);
        assert_eq!((held.attempts, held.leases), (1, 2));
    }
}

#[test]
fn questions_may_be_answered_one_by_one() {
    let asked = after(&task(false, Some("a")), &[(1, finish(1, asks(&["name", "age"])))]);
    assert_eq!(asked.lease(), None);
    assert_eq!(asked.due_ms(), Some(HOUR_MS + SKEW_MS_MAX));
    let partly = after(&asked, &[(2, answer(&["name", "shoe size"]))]);
    assert_eq!(partly.outstanding().map(|question| question.key.as_str()).collect::<Vec<_>>(), ["age"]);
    for nothing_new in [answer(&["name"]), answer(&["shoe size"]), answer(&[])] {
        assert_eq!(partly.apply(&nothing_new, 3, &RULES).unwrap_err(), Ignored::NotDue);
    }
    let all = after(&partly, &[(4, answer(&["age"]))]);
    assert_eq!((all.due_ms(), all.attempts), (Some(4), 0));
    assert_eq!(all.work.as_ref().unwrap().get(), "{\"round\":2}");
    let keys: Vec<&str> = all.answers.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["name", "age"]);
}

#[test]
fn a_key_is_never_used_twice_and_the_guest_does_not_notice() {
    let mut task = task(false, Some("a"));
    let mut used = BTreeSet::new();
    for round in 1..=4 {
        task = after(&task, &[(round * 10, finish(round, asks(&["ok", "ok-2", "other"])))]);
        let keys: Vec<String> = task.outstanding().map(|question| question.key.clone()).collect();
        assert_eq!(keys.len(), 3);
        for key in &keys {
            assert!(used.insert(key.clone()), "`{key}` was used before");
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        task = after(&task, &[(round * 10 + 1, answer(&keys)), (round * 10 + 1, claim("a"))]);
        let own: Vec<&str> = task.answers.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(own, ["ok", "ok-2", "other"]);
    }
}

#[test]
fn a_guest_that_asks_nothing_goes_on_at_once() {
    let next = after(&task(false, Some("a")), &[(9, finish(1, asks(&[])))]);
    assert_eq!((next.due_ms(), next.attempts), (Some(9), 0));
}

#[test]
fn a_task_lives_as_long_as_promised_and_a_result_longer() {
    let held = task(true, Some("a"));
    let renew = |now_ms| held.apply(&Event::Renew { number: 1 }, now_ms, &RULES);
    // Its time is not over before the last clock says so.
    assert_eq!(renew(HOUR_MS + SKEW_MS_MAX - 1).unwrap_err(), Ignored::LeaseOver);
    let expired = renew(HOUR_MS + SKEW_MS_MAX).unwrap();
    assert!(failure(&expired).contains("expired"));
    assert!(expired.expires_ms() >= HOUR_MS + TOMBSTONE_MS);

    let early = after(&held, &[(1_000, finish(1, Ended::Result(json("1"))))]);
    assert_eq!(early.ttl_ms, HOUR_MS);
    let late = after(&held, &[(HOUR_MS, finish(1, Ended::Result(json("1"))))]);
    assert_eq!(late.ttl_ms, HOUR_MS + RULES.result_ttl_ms);
    assert!(late.expires_ms() >= HOUR_MS + RULES.result_ttl_ms);
}

#[test]
fn what_the_owner_sees_never_goes_back() {
    let held = task(true, Some("a"));
    let say = |text: &str| Event::Progress { number: 1, message: text.into() };
    let said = after(&held, &[(5_000, say("half")), (4_000, say("most"))]);
    assert_eq!((said.updated_ms, said.revision), (5_000, held.revision + 2));
    assert_eq!(said.apply(&say("most"), 6_000, &RULES).unwrap_err(), Ignored::NotDue);
}

#[test]
fn a_record_reads_as_it_was_written() {
    let mut task = after(&task(true, Some("a")), &[(1, finish(1, asks(&["a", "b"]))), (2, answer(&["a"]))]);
    for next in [answer(&["b"]), claim("b"), finish(2, Ended::Failed(cut()))] {
        let bytes = serde_json::to_vec(&task).unwrap();
        let read: Task = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
        task = after(&read, &[(3, next)]);
    }
}
