use toolyard_plugin::keyvalue::Store;
use toolyard_plugin::serde_json::{Value, from_str};
use toolyard_plugin::testing::{self, Grants};
use toolyard_plugin::{Result, json};

use crate::memory::PLUGIN;

fn call(tool: &str, arguments: &Value) -> Result<Value> {
    let result = PLUGIN.call(tool, &arguments.to_string(), &testing::context())?;
    Ok(from_str(&result.structured.expect("every answer is data")).unwrap())
}

#[expect(clippy::needless_pass_by_value, reason = "made in place, with `json!`")]
fn value(tool: &str, arguments: Value) -> Value {
    call(tool, &arguments).unwrap()
}

/// Runs `work` with a store that holds a small graph.
fn with_graph(work: impl FnOnce()) {
    Grants::none().keyvalue().run(|| {
        value(
            "create_entities",
            json!({ "entities": [
                { "name": "Ada", "entityType": "person", "observations": ["Wrote the first program", "Liked Tea"] },
                { "name": "Engine", "entityType": "machine", "observations": [] },
            ] }),
        );
        let relations = json!([
            { "from": "Ada", "to": "Engine", "relationType": "programs" },
            { "from": "Charles", "to": "Ada", "relationType": "writes to" },
        ]);
        assert_eq!(value("create_relations", json!({ "relations": relations })), json!({ "relations": relations }));
        work();
    });
}

#[test]
fn without_a_store_there_is_a_plain_answer() {
    let error = call("read_graph", &json!({})).unwrap_err();
    assert_eq!(error.message(), "this plugin has no store to keep anything in");
}

#[test]
fn what_is_there_is_left_as_it_is() {
    with_graph(|| {
        let again = json!({ "name": "Ada", "entityType": "other", "observations": ["x"] });
        let new = json!({ "name": "Bo", "entityType": "cat", "observations": ["a", "b", "a"] });
        let created = value("create_entities", json!({ "entities": [again, new] }));
        assert_eq!(created, json!({ "entities": [{ "name": "Bo", "entityType": "cat", "observations": ["a", "b"] }] }));
        let relation = json!([{ "from": "Ada", "to": "Engine", "relationType": "programs" }]);
        assert_eq!(value("create_relations", json!({ "relations": relation })), json!({ "relations": [] }));
        let ada = value("open_nodes", json!({ "names": ["Ada"] }));
        assert_eq!(ada["entities"][0]["entityType"], "person");
    });
}

#[test]
fn observations_come_and_go() {
    with_graph(|| {
        let added = value(
            "add_observations",
            json!({ "observations": [{ "entityName": "Ada", "contents": ["Liked Tea", "Counted"] }] }),
        );
        assert_eq!(added, json!({ "results": [{ "entityName": "Ada", "addedObservations": ["Counted"] }] }));
        let gone = json!({ "deletions": [
            { "entityName": "Ada", "observations": ["Liked Tea", "never said"] },
            { "entityName": "Nobody", "observations": ["x"] },
        ] });
        assert_eq!(
            value("delete_observations", gone),
            json!({ "success": true, "message": "1 observations were deleted." })
        );
        let ada = value("open_nodes", json!({ "names": ["Ada", "Ada", "Nobody"] }));
        assert_eq!(
            ada["entities"],
            json!([{ "name": "Ada", "entityType": "person", "observations": ["Wrote the first program", "Counted"] }])
        );

        let both = json!({ "observations": [{ "entityName": "Ada", "contents": ["y"] }, { "entityName": "Bo", "contents": ["x"] }] });
        assert_eq!(
            call("add_observations", &both).unwrap_err().message(),
            "there is no entity named `Bo`: create it first"
        );
        assert_eq!(value("open_nodes", json!({ "names": ["Ada"] }))["entities"], ada["entities"], "nothing was added");
    });
}

#[test]
fn an_entity_goes_with_its_relations() {
    with_graph(|| {
        let deleted = value("delete_entities", json!({ "entityNames": ["Ada", "Nobody"] }));
        assert_eq!(deleted["message"], "1 entities were deleted.");
        let graph = value("read_graph", json!({}));
        assert_eq!(
            graph,
            json!({ "entities": [{ "name": "Engine", "entityType": "machine", "observations": [] }], "relations": [] })
        );
    });
}

#[test]
fn relations_are_deleted_one_by_one() {
    with_graph(|| {
        let relations = json!({ "relations": [
            { "from": "Ada", "to": "Engine", "relationType": "programs" },
            { "from": "Ada", "to": "Engine", "relationType": "hates" },
            { "from": "Nobody", "to": "Engine", "relationType": "hates" },
        ] });
        assert_eq!(value("delete_relations", relations)["message"], "1 relations were deleted.");
        let left = json!([{ "from": "Charles", "to": "Ada", "relationType": "writes to" }]);
        assert_eq!(value("read_graph", json!({}))["relations"], left);
        assert!(!Store::open().unwrap().exists("r/Nobody").unwrap(), "nothing is made by deleting");
    });
}

#[test]
fn nodes_are_found_by_words() {
    with_graph(|| {
        let names = |query: &str| {
            let found = value("search_nodes", json!({ "query": query }));
            found["entities"].as_array().unwrap().iter().map(|entity| entity["name"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("PROGRAM"), ["Ada"]);
        assert_eq!(names("tea person"), ["Ada"]);
        assert_eq!(names("a"), ["Ada", "Engine"]);
        assert_eq!(names("tea machine"), Vec::<Value>::new());
        let engine = value("search_nodes", json!({ "query": "machine" }));
        assert_eq!(engine["relations"], json!([{ "from": "Ada", "to": "Engine", "relationType": "programs" }]));
        assert!(call("search_nodes", &json!({ "query": "  " })).is_err());
    });
}

#[test]
fn the_graph_is_read_in_parts() {
    with_graph(|| {
        let (mut names, mut cursor, mut relations) = (Vec::new(), None, 0);
        for _ in 0..10 {
            let part = value("read_graph", json!({ "limit": 1, "cursor": cursor }));
            names.extend(part["entities"].as_array().unwrap().iter().map(|entity| entity["name"].clone()));
            relations += part["relations"].as_array().unwrap().len();
            cursor = part["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((names, cursor, relations), (vec![json!("Ada"), json!("Engine")], None, 2));
        assert!(call("read_graph", &json!({ "limit": 0 })).is_err());
    });
}

#[test]
fn a_large_part_ends_early_and_goes_on() {
    Grants::none().keyvalue().run(|| {
        let text = |n: usize| format!("{n}{}", "x".repeat(4000));
        for n in 0..120 {
            let observations: Vec<String> = (0..10).map(text).collect();
            let entity = json!({ "name": format!("{n:03}"), "entityType": "t", "observations": observations });
            value("create_entities", json!({ "entities": [entity] }));
        }
        let part = value("read_graph", json!({ "limit": 500 }));
        assert_eq!((part["entities"].as_array().unwrap().len(), &part["next"]), (50, &json!("049")));
        let found = value("search_nodes", json!({ "query": "x" }));
        assert_eq!((found["entities"].as_array().unwrap().len(), &found["more"]), (13, &json!(true)));
    });
}

#[test]
fn what_is_too_much_is_refused() {
    with_graph(|| {
        let entity = |name: &str, observation: &str| json!({ "entities": [{ "name": name, "entityType": "t", "observations": [observation] }] });
        for (tool, arguments) in [
            ("create_entities", entity("", "x")),
            ("create_entities", entity("a\nb", "x")),
            ("create_entities", entity(&"x".repeat(257), "x")),
            ("create_entities", entity("a", "")),
            ("create_entities", entity("a", &"x".repeat(4097))),
            ("open_nodes", json!({ "names": vec!["x"; 201] })),
            ("create_relations", json!({ "relations": [{ "from": "a", "to": "", "relationType": "t" }] })),
        ] {
            assert!(call(tool, &arguments).is_err(), "{tool} {arguments}");
        }
        let long: Vec<String> = (0..17).map(|n| format!("{n:02}{}", "x".repeat(4000))).collect();
        let error = call("add_observations", &json!({ "observations": [{ "entityName": "Ada", "contents": long }] }))
            .unwrap_err();
        assert!(error.message().contains("more than 65536 bytes"), "{error:?}");
    });
}
