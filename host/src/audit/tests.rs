//! The trail as a whole: what is written, what is found again, and what shows when somebody changes it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;

use super::{
    record::{Change, Refused},
    *,
};
use crate::config::ArgumentsShown;

pub(super) fn settings(dir: &Path) -> AuditSettings {
    AuditSettings {
        file: Some(dir.join("trail.jsonl")),
        durable: false,
        arguments: ArgumentsShown::Digest,
        rotate_bytes_max: 1 << 20,
        keep_files_max: None,
        stdout: false,
        otlp: None,
    }
}

fn host() -> HostId {
    "0011223344556677".parse().unwrap()
}

fn numbered(number: u64) -> Change<'static> {
    let name: &'static str = Box::leak(format!("number {number}").into_boxed_str());
    Change { what: "test", change: "counted", name: Some(name), ..Change::default() }
}

/// A trail of a host that wrote `count` records between its first and its last.
async fn wrote(settings: &AuditSettings, count: u64) {
    let audit = Audit::start(settings, &host()).unwrap();
    for number in 0..count {
        audit.write(&numbered(number)).await.unwrap();
    }
    audit.close().await;
}

async fn trail(count: u64) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    wrote(&settings, count).await;
    let path = settings.file.unwrap();
    (dir, path)
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn put(path: &Path, lines: &[String]) {
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn problems(report: &Report) -> Vec<(Option<usize>, &str)> {
    report.problems.iter().map(|problem| (problem.line, problem.what.as_str())).collect()
}

fn checked(path: &Path) -> Report {
    verify(path, &Known::default()).unwrap()
}

/// What is found in a trail of 12 records that `change` changed, with and without what stands beside it.
async fn check(
    change: impl Fn(&mut Vec<String>),
    expected: &[(Option<usize>, &str)],
    expected_alone: &[(Option<usize>, &str)],
) {
    let (_dir, path) = trail(10).await;
    let mut lines = lines(&path);
    change(&mut lines);
    put(&path, &lines);
    assert_eq!(problems(&checked(&path)), expected);
    let alone = verify_files(&[path], &Known::default()).unwrap();
    assert_eq!(problems(&alone), expected_alone, "without an anchor");
}

#[tokio::test]
async fn a_trail_that_nobody_touched_is_whole() {
    let (_dir, path) = trail(10).await;
    let report = checked(&path);
    assert_eq!(problems(&report), []);
    assert_eq!((report.files, report.records, report.first, report.last), (1, 12, 1, 12));
    let lines = lines(&path);
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&first["kind"], &first["host"], &first["seq"]), (&json!("start"), &json!(host().as_str()), &json!(1)));
    let last: Value = serde_json::from_str(&lines[11]).unwrap();
    assert_eq!(last["kind"], "stop");
    assert_eq!(last["prev"], chain::hash(lines[10].as_bytes()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_changed_line_is_named() {
    let change = |lines: &mut Vec<String>| lines[4] = lines[4].replace("number 3", "number 7");
    let expected = [(Some(5), "this line was changed: the next one has another hash for it")];
    check(change, &expected, &expected).await;
}

#[tokio::test]
async fn a_line_that_is_no_record_any_more_is_named() {
    let change = |lines: &mut Vec<String>| lines[4].truncate(40);
    let expected = [(Some(5), "no record: this line was changed or added")];
    check(change, &expected, &expected).await;
}

#[tokio::test]
async fn a_line_with_another_number_is_named() {
    let change = |lines: &mut Vec<String>| lines[4] = lines[4].replace("\"seq\":5,", "\"seq\":8,");
    let expected = [(Some(5), "this line was changed: its number is not 5")];
    check(change, &expected, &expected).await;
}

#[tokio::test]
async fn a_line_with_another_hash_before_it_is_named() {
    let change = |lines: &mut Vec<String>| lines[4] = lines[4].replacen("\"prev\":\"", "\"prev\":\"0", 1);
    let expected = [(Some(5), "this line was changed, and perhaps the one before it")];
    check(change, &expected, &expected).await;
}

#[tokio::test]
async fn a_removed_line_is_named() {
    let expected = [(Some(5), "record 5 is missing before this line: taken out, or moved")];
    check(|lines| drop(lines.remove(4)), &expected, &expected).await;
    let expected = [(Some(5), "records 5 to 7 are missing before this line: taken out, or moved")];
    check(|lines| drop(lines.drain(4..7)), &expected, &expected).await;
}

#[tokio::test]
async fn moved_lines_are_named() {
    let expected = [(Some(6), "record 5 is out of its place: it stands after record 6")];
    check(|lines| lines.swap(4, 5), &expected, &expected).await;
}

#[tokio::test]
async fn added_lines_are_named() {
    let expected = [(Some(6), "record 5 is here a second time: line 5 has it, too")];
    check(|lines| lines.insert(5, lines[4].clone()), &expected, &expected).await;
    let expected = [(Some(6), "no record: this line was changed or added")];
    check(|lines| lines.insert(5, "{}".into()), &expected, &expected).await;
}

#[tokio::test]
async fn a_first_line_that_is_missing_shows() {
    let (_dir, path) = trail(10).await;
    let mut lines = lines(&path);
    let hash = chain::hash(lines.remove(0).as_bytes());
    put(&path, &lines);
    let expected = format!("records 1 to 1 are missing; if they were taken elsewhere, say --after {hash}");
    assert_eq!(problems(&checked(&path)), [(Some(1), expected.as_str())]);
    let known = Known { after: Some(hash), head: None };
    assert_eq!(problems(&verify(&path, &known).unwrap()), []);
    let known = Known { after: Some("0".repeat(64)), head: None };
    assert_eq!(verify(&path, &known).unwrap().problems.len(), 1);
}

#[tokio::test]
async fn a_missing_end_shows_only_against_what_somebody_knows() {
    let cut = "the end was cut off: records 10 to 12 are missing, as the file beside it says";
    check(|lines| lines.truncate(9), &[(None, cut)], &[]).await;

    let (_dir, path) = trail(10).await;
    let head = checked(&path).head;
    let known = Known { after: None, head: Some(head.clone()) };
    assert_eq!(problems(&verify_files(std::slice::from_ref(&path), &known).unwrap()), []);
    let mut lines = lines(&path);
    lines.truncate(9);
    put(&path, &lines);
    let expected = format!("no record has the hash {head}: the end was cut off, or the trail was written anew");
    assert_eq!(problems(&verify_files(&[path], &known).unwrap()), [(None, expected.as_str())]);
}

#[tokio::test]
async fn a_changed_last_line_shows_only_against_what_somebody_knows() {
    let change = |lines: &mut Vec<String>| lines[11] = lines[11].replace("stop", "halt");
    let what = "record 12 is not the one that the file beside it says: the trail was changed";
    check(change, &[(None, what)], &[]).await;
}

#[tokio::test]
async fn a_trail_goes_on_with_the_next_host() {
    let (dir, path) = trail(3).await;
    wrote(&settings(dir.path()), 3).await;
    let report = checked(&path);
    assert_eq!((problems(&report), report.records), (vec![], 10));
}

#[tokio::test]
async fn half_a_line_is_marked_and_the_trail_goes_on() {
    let (dir, path) = trail(3).await;
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"seq\":6,\"prev\":\"abc");
    fs::write(&path, &text).unwrap();
    let left = "no record: half a line, if the host died just now and has not been started again; or changed";
    assert_eq!(problems(&checked(&path)), [(Some(6), left)]);

    wrote(&settings(dir.path()), 1).await;
    let report = checked(&path);
    assert_eq!(problems(&report), []);
    let note = &report.notes[0];
    assert_eq!(
        (note.line, note.what.as_str()),
        (Some(6), "half a line, left when the host died; the next one says so")
    );
    let lines = lines(&path);
    let torn: Value = serde_json::from_str(&lines[6]).unwrap();
    assert_eq!((&torn["kind"], &torn["bytes"], &torn["seq"]), (&json!("torn"), &json!(20), &json!(6)));

    // What was left cannot be changed either.
    let mut changed = lines;
    changed[5] = changed[5].replace("abc", "abd");
    put(&path, &changed);
    assert_eq!(problems(&checked(&path)), [(Some(6), "half a line that was changed since the host found it")]);
}

#[tokio::test]
async fn a_line_that_lacks_only_its_break_is_whole() {
    let (dir, path) = trail(3).await;
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    wrote(&settings(dir.path()), 1).await;
    let report = checked(&path);
    assert_eq!((problems(&report), report.notes.len(), report.records), (vec![], 0, 8));
}

#[tokio::test]
async fn a_host_says_that_its_trail_was_cut_off() {
    let (dir, path) = trail(10).await;
    let mut lines = lines(&path);
    lines.truncate(9);
    put(&path, &lines);
    wrote(&settings(dir.path()), 1).await;
    let expected = "the host found its trail ending before record 12, which had been written";
    assert_eq!(problems(&checked(&path)), [(Some(10), expected)]);
}

#[tokio::test]
async fn full_files_are_put_aside_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let settings = AuditSettings { rotate_bytes_max: 4096, durable: true, ..settings(dir.path()) };
    wrote(&settings, 100).await;
    let path = settings.file.as_deref().unwrap();
    let full = file::full_files(path).unwrap();
    assert!(full.len() > 3, "{full:?}");
    assert!(full[0].1.ends_with("trail.jsonl.000000000001"), "{full:?}");
    let report = checked(path);
    assert_eq!(problems(&report), []);
    assert_eq!((report.files, report.records), (full.len() + 1, 102 + full.len() as u64));
    let first = lines(path).remove(0);
    let (record, name) = (serde_json::from_str::<Value>(&first).unwrap(), file::name(&full.last().unwrap().1));
    assert_eq!((&record["kind"], &record["after"]), (&json!("file"), &json!(name)));
    assert_eq!(record["prev"], chain::hash(lines(&full.last().unwrap().1).last().unwrap().as_bytes()));

    // A whole file that is gone shows where the next one begins.
    fs::remove_file(&full[1].1).unwrap();
    let gone = format!("records {} to {} are missing before this line: taken out, or moved", full[1].0, full[2].0 - 1);
    assert_eq!(problems(&checked(path)), [(Some(1), gone.as_str())]);
}

#[tokio::test]
async fn a_host_that_died_between_two_files_goes_on() {
    let (dir, path) = trail(3).await;
    fs::rename(&path, dir.path().join("trail.jsonl.000000000001")).unwrap();
    wrote(&settings(dir.path()), 1).await;
    let report = checked(&path);
    assert_eq!((problems(&report), report.records, report.files), (vec![], 8, 2));
}

#[tokio::test]
async fn old_files_are_removed_and_the_trail_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        AuditSettings { rotate_bytes_max: 4096, durable: true, keep_files_max: Some(2), ..settings(dir.path()) };
    wrote(&settings, 200).await;
    let path = settings.file.as_deref().unwrap();
    let full = file::full_files(path).unwrap();
    assert_eq!(full.len(), 2);
    let report = checked(path);
    assert_eq!(problems(&report), []);
    let expected =
        format!("records 1 to {} were in files that the host removed, since no more were to be kept", full[0].0 - 1);
    assert_eq!(report.notes[0].what, expected);

    // The host did not say that it removed this one.
    fs::remove_file(&full[0].1).unwrap();
    assert_eq!(checked(path).problems.len(), 1);
}

#[tokio::test]
async fn one_host_at_a_time_has_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let audit = Audit::start(&settings, &host()).unwrap();
    let error = Audit::start(&settings, &host()).unwrap_err();
    assert!(error.contains("another host writes to it; each host needs a file of its own"), "{error}");
    audit.close().await;
    drop(audit);
    Audit::start(&settings, &host()).unwrap().close().await;
}

#[tokio::test]
async fn a_file_of_something_else_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let path = settings.file.clone().unwrap();
    fs::write(&path, "something\n".repeat(200_000)).unwrap();
    let error = Audit::start(&settings, &host()).unwrap_err();
    assert!(error.contains("it holds something else; name a file of its own"), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 2_000_000);
}

#[tokio::test]
async fn those_who_wait_share_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let settings = AuditSettings { durable: true, ..settings(dir.path()) };
    let audit = Audit::start(&settings, &host()).unwrap();
    let writes = (0..500).map(|number| {
        let audit = audit.clone();
        tokio::spawn(async move { audit.write(&numbered(number)).await })
    });
    for write in writes.collect::<Vec<_>>() {
        assert_eq!(write.await.unwrap(), Ok(()));
    }
    // All are there before anything is closed.
    let text = fs::read_to_string(settings.file.as_deref().unwrap()).unwrap();
    assert_eq!(text.matches("\"counted\"").count(), 500);
    audit.close().await;
    assert_eq!(problems(&checked(settings.file.as_deref().unwrap())), []);
}

/// A disk that is full, as Linux has one for tests, in place of the file.
#[tokio::test]
async fn a_full_disk_stops_durable_calls_and_is_counted_otherwise() {
    for durable in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let settings = AuditSettings { durable, ..settings(dir.path()) };
        let path = settings.file.clone().unwrap();
        let (trail, found) = Trail::open(&path).unwrap();
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        let shared = Arc::new(Shared::new(&settings));
        let mut writer = Writer::new("h", Some((trail, found)), Vec::new(), &shared, jobs).unwrap();
        writer.break_disk(fs::File::options().append(true).open("/dev/full").unwrap());
        let thread = thread::spawn(move || writer.run());
        let audit = Audit(Some(Arc::new(Inner {
            host: "h".into(),
            jobs: sender,
            shared: Arc::clone(&shared),
            thread: Mutex::new(Some(thread)),
            refused: AtomicU64::new(0),
        })));
        let refused = Refused { reason: "test", ..Refused::default() };
        let written = audit.write(&refused).await;
        assert_eq!(written, if durable { Err(Unwritten) } else { Ok(()) });
        let begin = Instant::now();
        while shared.lost.load(Ordering::Acquire) == 0 || !shared.failed.load(Ordering::Acquire) {
            assert!(begin.elapsed() < Duration::from_secs(20));
            tokio::task::yield_now().await;
        }
        assert_eq!(audit.ready(), if durable { Err(Unwritten) } else { Ok(()) });
        audit.close().await;
        // The trail holds what was written before, and nothing of what was not.
        let report = checked(&path);
        assert_eq!((problems(&report), report.records), (vec![], 1));
    }
}

#[tokio::test]
async fn a_disk_that_has_room_again_is_told_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let path = settings.file.clone().unwrap();
    let (sender, jobs) = mpsc::channel(WAITING_MAX);
    let shared = Arc::new(Shared::new(&settings));
    let trail = Trail::open(&path).unwrap();
    let writer = Writer::new("h", Some(trail), Vec::new(), &shared, jobs).unwrap();
    shared.lost.store(3, Ordering::Release);
    shared.failed.store(true, Ordering::Release);
    let thread = thread::spawn(move || writer.run());
    // Nothing else has to come for it to try again.
    let begin = Instant::now();
    while shared.failed.load(Ordering::Acquire) {
        assert!(begin.elapsed() < Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    drop(sender);
    thread.join().unwrap();
    let report = checked(&path);
    assert_eq!(problems(&report), []);
    assert_eq!(report.notes[0].what, "the host could not write 3 records before this one");
}

#[tokio::test]
async fn strangers_do_not_fill_the_trail() {
    const REQUESTS: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let audit = Audit::start(&settings, &host()).unwrap();
    let refused = Refused { reason: "not let in", status: Some(401), ..Refused::default() };
    for _ in 0..REQUESTS {
        audit.note_stranger(&refused);
    }
    audit.write(&numbered(1)).await.unwrap();
    audit.close().await;
    let path = settings.file.unwrap();
    assert_eq!(problems(&checked(&path)), []);
    let records: Vec<Value> = lines(&path).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| records.iter().filter(|record| record["kind"] == kind).collect::<Vec<_>>();
    let (counted, listed): (Vec<_>, Vec<_>) = of("refused").into_iter().partition(|record| record["times"].is_u64());
    assert_eq!(listed.len(), 1, "what is like it has no record of its own");
    let counted: u64 = counted.iter().filter_map(|record| record["times"].as_u64()).sum();
    assert_eq!(1 + counted, REQUESTS, "and each is counted");
    assert_eq!((of("changed").len(), of("missing").len()), (1, 0), "what others did has its place");
}

#[tokio::test]
async fn records_are_found_by_what_they_are_about() {
    #[derive(Serialize)]
    struct Some {
        tenant: &'static str,
        plugin: &'static str,
        name: &'static str,
        outcome: &'static str,
        effects: Value,
    }
    impl Event for Some {
        const KIND: &'static str = "call";
    }
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let audit = Audit::start(&settings, &host()).unwrap();
    let some = |tenant, plugin, name, outcome, effects| Some { tenant, plugin, name, outcome, effects };
    audit.note(&some("a", "echo", "echo_echo", "answered", json!([])));
    audit.note(&some("b", "echo", "echo_echo", "tool_error", json!([{ "effect": "refused" }])));
    audit.note(&some("b", "other", "other_one", "answered", json!([{ "effect": "key" }])));
    audit.note(&Refused { reason: "no credentials", status: Option::Some(401), ..Refused::default() });
    audit.close().await;
    let path = settings.file.unwrap();
    let find = |filter: Filter| {
        let mut found = Vec::new();
        query(&path, &filter, |_, record| {
            found.push(record["seq"].as_u64().unwrap());
            true
        })
        .unwrap();
        found
    };
    let word = |word: &str| Option::Some(word.to_owned());
    assert_eq!(find(Filter::default()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(find(Filter { tenant: word("b"), ..Filter::default() }), [3, 4]);
    assert_eq!(find(Filter { tool: word("echo"), ..Filter::default() }), [2, 3]);
    assert_eq!(find(Filter { tool: word("other_one"), ..Filter::default() }), [4]);
    assert_eq!(find(Filter { outcome: word("answered"), ..Filter::default() }), [2, 4]);
    assert_eq!(find(Filter { refused: true, ..Filter::default() }), [3, 5]);
    let later = clock::now_ms() + 1000;
    assert_eq!(find(Filter { since_ms: Option::Some(later), ..Filter::default() }), [0; 0]);
    assert_eq!(find(Filter { until_ms: Option::Some(later), ..Filter::default() }).len(), 6);
}

#[tokio::test]
async fn without_a_trail_nothing_happens() {
    let audit = Audit::off();
    assert!(!audit.is_on() && audit.ready().is_ok() && audit.arguments(&json!({})).is_none());
    audit.note(&numbered(1));
    assert_eq!(audit.write(&numbered(1)).await, Ok(()));
    assert!(audit.recent(10).is_empty() && audit.head().is_none());
    audit.close().await;
}

#[tokio::test]
async fn the_last_lines_can_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::start(&settings(dir.path()), &host()).unwrap();
    for number in 0..5 {
        audit.note(&numbered(number));
    }
    audit.close().await;
    let recent = audit.recent(2);
    assert!(recent[0].contains("number 4") && recent[1].contains("\"stop\""), "{recent:?}");
    assert_eq!(audit.head().unwrap().seq, 7);
}
