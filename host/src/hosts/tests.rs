use std::sync::Arc;

use tokio::time;

use super::*;
use crate::{ids::TenantId, signals::News, store::Sqlite};

fn two() -> (Arc<dyn Store>, [Hosts; 2], [Signals; 2]) {
    let store: Arc<dyn Store> = Arc::new(Sqlite::in_memory().expect("a store"));
    let signals = [Signals::new(), Signals::new()];
    let host = |at: usize| Hosts::new(Arc::clone(&store), signals[at].clone()).expect("random numbers");
    (Arc::clone(&store), [host(0), host(1)], signals)
}

fn changed(news: News) -> Signal {
    Signal::Changed { tenant: TenantId::default(), news }
}

#[tokio::test]
async fn a_host_hears_the_others_and_not_itself() {
    let (_, [one, two], _) = two();
    let mut ear = one.listen();
    let word = |session: &str| Word::Noted { session: session.into() };
    one.tell(word("own")).await;
    two.tell(word("other")).await;
    assert_eq!(ear.next().await, Some(word("other")));
}

#[tokio::test]
async fn what_is_said_on_one_host_is_heard_on_the_other() {
    let (_, [one, two], [said, _]) = two();
    let mut ear = two.listen();
    let speaking = tokio::spawn(async move { one.speak().await });
    let news = || changed(News::Resource { uri: "a://b".into() });
    // It may not listen yet to what is said here.
    let heard = loop {
        said.send(news());
        if let Ok(heard) = time::timeout(Duration::from_millis(20), ear.next()).await {
            break heard;
        }
    };
    assert_eq!(heard, Some(Word::News(news())));
    speaking.abort();
}

#[tokio::test]
async fn what_another_host_said_is_not_passed_on() {
    let (_, _, [signals, _]) = two();
    let (mut all, mut own) = (signals.listen(), signals.listen_outward());
    signals.repeat(changed(News::Tools));
    signals.send(changed(News::Prompts));
    assert_eq!(all.recv().await, Ok(changed(News::Tools)));
    assert_eq!(all.recv().await, Ok(changed(News::Prompts)));
    assert_eq!(own.recv().await, Ok(changed(News::Prompts)));
}

#[tokio::test]
async fn a_word_that_is_not_known_is_passed_over() {
    let (store, [one, two], _) = two();
    let mut ear = one.listen();
    store.publish(b"nonsense").await.expect("it is published");
    store.publish(br#"{"by":"x","word":{"later":{"a":1}}}"#).await.expect("it is published");
    two.tell(Word::Missed).await;
    assert_eq!(ear.next().await, Some(Word::Missed));
}

#[tokio::test]
async fn what_waits_is_told_in_one_note_and_heard_in_its_order() {
    let (store, [one, two], [said, _]) = two();
    let (mut notes, mut ear) = (store.listen(), two.listen());
    let news = |at: usize| changed(News::Resource { uri: format!("a://{at}") });
    let mut waiting = said.listen_outward();
    (0..WORDS_MAX + 2).for_each(|at| said.send(news(at)));
    for (first, count) in [(0, WORDS_MAX), (WORDS_MAX, 2)] {
        let first = word_of(waiting.recv().await).filter(|word| *word == Word::News(news(first)));
        let words = with_those_that_wait(first.expect("in its order"), &mut waiting);
        assert_eq!(words.len(), count);
        one.tell_all(words).await;
    }
    for at in 0..WORDS_MAX + 2 {
        assert_eq!(ear.next().await, Some(Word::News(news(at))));
    }
    let note = notes.recv().await.expect("a note");
    let Heard::Note(note) = note else { panic!("{note:?}") };
    // What a host reads that knows no more than one word in a note.
    let read: serde_json::Value = serde_json::from_slice(&note).expect("JSON");
    assert_eq!((&read["word"], &read["by"]), (&"missed".into(), &one.id().as_str().into()));
    notes.recv().await.expect("the second note");
    assert!(notes.try_recv().is_err(), "there were two");
}

#[tokio::test]
async fn what_is_told_behind_others_comes_after_all_that_was_said_before() {
    let (_, [one, two], [said, _]) = two();
    let mut ear = two.listen();
    let one = Arc::new(one);
    let speaking = tokio::spawn({
        let one = Arc::clone(&one);
        async move { one.speak().await }
    });
    // It listens once it was heard.
    while time::timeout(Duration::from_millis(20), ear.next()).await.is_err() {
        said.send(changed(News::Tools));
    }
    let opened = |at: usize| Word::Opened { session: at.to_string() };
    let news = |at: usize| changed(News::Resource { uri: format!("a://{at}") });
    let mut expected = Vec::new();
    for at in 0..WORDS_MAX + 2 {
        said.send(news(at));
        expected.push(Word::News(news(at)));
    }
    for at in 0..WORDS_MAX + 2 {
        one.tell_behind(opened(at));
        expected.push(opened(at));
    }
    for word in expected {
        // What was said to find out whether it listens may still come.
        while ear.next().await.as_ref() != Some(&word) {}
    }
    speaking.abort();
}

#[tokio::test]
async fn of_several_words_those_are_heard_that_are_known() {
    let (store, [one, _], _) = two();
    let mut ear = one.listen();
    let note = br#"{"by":"x","word":"missed","words":[{"later":1},{"noted":{"session":"s"}},"later","missed"]}"#;
    store.publish(note).await.expect("it is published");
    assert_eq!(ear.next().await, Some(Word::Noted { session: "s".into() }));
    assert_eq!(ear.next().await, Some(Word::Missed));
}

#[tokio::test]
async fn who_fell_behind_tells_that_something_was_missed() {
    let (_, _, [said, _]) = two();
    let mut waiting = said.listen_outward();
    said.send(changed(News::Tools));
    let first = word_of(waiting.recv().await).expect("somebody can still say something");
    (0..5_000).for_each(|_| said.send(changed(News::Prompts)));
    assert_eq!(with_those_that_wait(first, &mut waiting)[..2], [Word::News(changed(News::Tools)), Word::Missed]);
}

#[tokio::test]
async fn a_host_is_gone_when_it_was_missing_for_a_while() {
    let (store, [one, _], _) = two();
    one.beat().await.expect("it is there");
    let mut watched = Watched::new(one.id().to_string());
    let mut now = Instant::now();
    let mut later = async |seconds: u64| {
        now += Duration::from_secs(seconds);
        watched.was_gone(now, store.as_ref()).await
    };
    assert!(!later(60).await, "it is there");
    one.leave().await;
    assert!(!later(3).await, "it may have been late");
    one.beat().await.expect("it is there again");
    assert!(!later(3).await);
    one.leave().await;
    assert!(!later(3).await);
    assert!(!later(3).await);
    assert!(later(3).await);
}
