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
