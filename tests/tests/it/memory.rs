//! The plugin `memory`, through the host: a graph that outlives calls and hosts, and loses nothing when many write at once.

use std::thread;

use serde_json::{Value, json};
use toolyard_tests::{Host, Setup};

use crate::expect;

const GRANTED: &str = "[plugin.memory.grants.keyvalue]\n";

fn given(host: &Host, tool: &str, arguments: &Value) -> Value {
    let result = host.call(&format!("memory_{tool}"), arguments);
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
    result["structuredContent"].clone()
}

fn entity(name: &str) -> Value {
    json!({ "entities": [{ "name": name, "entityType": "thing", "observations": [] }] })
}

#[test]
fn the_graph_outlives_the_host() {
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    let start = || Setup::new().plugin("memory").config(GRANTED).state(state.path()).start();
    let host = start();
    given(
        &host,
        "create_entities",
        &json!({ "entities": [
        { "name": "Ada", "entityType": "person", "observations": ["Wrote the first program"] },
        { "name": "Engine", "entityType": "machine", "observations": [] },
    ] }),
    );
    given(
        &host,
        "create_relations",
        &json!({ "relations": [{ "from": "Ada", "to": "Engine", "relationType": "programs" }] }),
    );
    let graph = given(&host, "read_graph", &json!({}));
    host.stop();

    let host = start();
    assert_eq!(given(&host, "read_graph", &json!({})), graph);
    assert_eq!(graph["relations"][0]["relationType"], "programs");
    let found = given(&host, "search_nodes", &json!({ "query": "FIRST" }));
    assert_eq!((&found["entities"][0]["name"], &found["relations"]), (&json!("Ada"), &graph["relations"]));
    given(&host, "delete_entities", &json!({ "entityNames": ["Engine"] }));
    let left = given(&host, "read_graph", &json!({}));
    assert_eq!((left["entities"].as_array().map(Vec::len), &left["relations"]), (Some(1), &json!([])));
    host.stop();
}

#[test]
fn many_at_once_lose_nothing() {
    const WRITERS: usize = 8;
    const EACH: usize = 8;
    let host = Setup::new().plugin("memory").config(GRANTED).start();
    given(&host, "create_entities", &entity("shared"));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let host = &host;
            scope.spawn(move || {
                for n in 0..EACH {
                    let text = format!("{writer}-{n}");
                    given(
                        host,
                        "add_observations",
                        &json!({ "observations": [{ "entityName": "shared", "contents": [text] }] }),
                    );
                    given(
                        host,
                        "create_relations",
                        &json!({ "relations": [{ "from": "shared", "to": text, "relationType": "has" }] }),
                    );
                    // Everybody makes the same one: it is made once.
                    given(host, "create_entities", &entity(&format!("common-{n}")));
                }
            });
        }
    });
    let shared = given(&host, "open_nodes", &json!({ "names": ["shared"] }));
    assert_eq!(shared["entities"][0]["observations"].as_array().map(Vec::len), Some(WRITERS * EACH));
    assert_eq!(shared["relations"].as_array().map(Vec::len), Some(WRITERS * EACH));
    let graph = given(&host, "read_graph", &json!({}));
    assert_eq!(graph["entities"].as_array().map(Vec::len), Some(EACH + 1));
    host.stop();
}

#[test]
fn one_of_many_makes_it() {
    let host = Setup::new().plugin("memory").config(GRANTED).start();
    let made: usize = thread::scope(|scope| {
        let make = |_| {
            scope.spawn(|| given(&host, "create_entities", &entity("one"))["entities"].as_array().map_or(0, Vec::len))
        };
        (0..8).map(make).collect::<Vec<_>>().into_iter().map(|thread| thread.join().expect("it did not panic")).sum()
    });
    assert_eq!(made, 1);
    host.stop();
}

#[test]
fn without_a_grant_it_answers_plainly() {
    let host = Setup::new().plugin("memory").start();
    let said = expect::failure(&host.call("memory_read_graph", &json!({})));
    assert_eq!(said, "this plugin has no store to keep anything in");
    host.log.wait_for(&["it is not granted", "keyvalue"]);
    host.stop();
}
