//! The plugin that stands in `plugins/` once for each language: all of them describe the same and answer the same, byte by byte.
//!
//! What they are to say is in `weather/`, written by the one in Rust when `TOOLYARD_UPDATE` is set, and read by people.

mod languages;
mod script;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use toolyard_tests::{Answer, Host, Reply, Request, Setup, Site, modern_request};

use script::STEPS;

use crate::asking::{Rounds, accept};

const FORECAST: &str = r#"{"latitude":52.52,"daily_units":{"time":"iso8601"},"daily":{"time":["2026-11-21","2026-11-22","2026-11-23"],
    "temperature_2m_max":[8.4,-0.5,12.0],"temperature_2m_min":[2.5,-3.6,0],"precipitation_probability_max":[40,null,100]}}"#;
const ASKED: &str = "/v1/forecast?latitude=52.52&longitude=13.41\
    &daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max&timezone=UTC&forecast_days=3&temperature_unit=celsius";

/// What stands in for Open-Meteo.
fn service(request: &Request) -> Answer {
    let json = |body: &str| Answer::new(200, &[("Content-Type", "application/json")], body);
    if request.value_of("accept") != Some("application/json") {
        return Answer::new(406, &[], "");
    }
    match request.path.as_str() {
        "/v1/search?name=berlin&count=1" => json(
            r#"{"results":[{"id":1,"name":"Berlin","latitude":52.52,"longitude":13.41,"country":"Germany"}],"generationtime_ms":0.5}"#,
        ),
        "/v1/search?name=S%C3%A3o%20Paulo%20%26%20%22more%22&count=1" => {
            json(r#"{"results":[{"name":"São Paulo","latitude":-23.5475,"longitude":-46.63611}]}"#)
        }
        "/v1/search?name=nowhere&count=1" => json(r#"{"generationtime_ms":0.5}"#),
        "/v1/search?name=garbled&count=1" => json(r#"{"results":[{"name":"#),
        "/v1/search?name=down&count=1" => Answer::new(503, &[], "try later"),
        "/v1/search?name=wrong&count=1" => Answer::new(404, &[], "what?"),
        path if path == ASKED => json(FORECAST),
        path if path.starts_with("/v1/forecast?latitude=62&longitude=6.15&")
            && path.ends_with("_days=1&temperature_unit=fahrenheit") =>
        {
            json(
                r#"{"daily":{"time":["2026-11-21"],"temperature_2m_max":[40.5],"temperature_2m_min":[31.49],"precipitation_probability_max":[0]}}"#,
            )
        }
        path if path.starts_with("/v1/forecast?latitude=-23.5475&longitude=-46.63611&") => {
            json(r#"{"daily":{"time":["2026-11-21"]}}"#)
        }
        _ => Answer::new(500, &[], "the plugin asked for something else"),
    }
}

/// A host with the plugin in one language, and all that it wishes for.
fn host(plugin: &str, site: &Site) -> Host {
    let (url, port) = (site.url(), site.port());
    Setup::new()
        .plugin(plugin)
        .config(&format!(
            "[[plugin.{plugin}.grants.http]]\nurl = \"{url}/\"\nnetworks = [\"127.0.0.0/8\"]\n\
             [plugin.{plugin}.grants.config]\napi = \"http://127.0.0.1:{port}\"\ngeocoding = \"{url}\"\n\
             [plugin.{plugin}.grants.keyvalue]\n"
        ))
        .start()
}

fn send(host: &Host, plugin: &str, method: &str, params: &Value) -> Reply {
    let mut params = params.clone();
    if method == "tools/call" || method == "prompts/get" {
        params["name"] = json!(format!("{plugin}_{}", params["name"].as_str().expect("a name")));
    }
    if method == "completion/complete" {
        params["ref"]["name"] = json!(format!("{plugin}_{}", params["ref"]["name"].as_str().expect("a name")));
    }
    host.send(&modern_request(method, params))
}

/// All that the plugin is asked, each with its whole answer as it came over the wire.
fn answers(host: &Host, plugin: &str) -> String {
    let mut said = String::new();
    for (method, params) in STEPS {
        let params: Value = serde_json::from_str(params).unwrap_or_else(|error| panic!("{params}: {error}"));
        let reply = send(host, plugin, method, &params);
        let body = String::from_utf8(reply.body).expect("an answer is text");
        said += &format!("> {method} {params}\n< {} {}\n", reply.status, body.replace(plugin, "weather"));
    }
    said
}

/// What the plugin describes, with references resolved, so that it is the same however an SDK writes it.
fn described(host: &Host, plugin: &str) -> String {
    let mut all = json!({});
    for (method, list) in
        [("tools/list", "tools"), ("prompts/list", "prompts"), ("resources/templates/list", "resourceTemplates")]
    {
        let mut items = host.modern(method, json!({})).result()[list].take();
        for item in items.as_array_mut().expect("a list") {
            for schema in ["inputSchema", "outputSchema"] {
                if let Some(schema) = item.get_mut(schema) {
                    *schema = resolved(schema, &schema["$defs"]);
                }
            }
        }
        all[list] = items;
    }
    serde_json::to_string_pretty(&all).expect("a value").replace(plugin, "weather")
}

/// A schema with its references resolved and each number in its plainest form.
fn resolved(schema: &Value, definitions: &Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let mut plain = serde_json::Map::new();
            if let Some(name) =
                entries.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"))
            {
                let definition = resolved(&definitions[name], definitions);
                plain.extend(definition.as_object().cloned().expect("a schema"));
            }
            for (key, value) in entries.iter().filter(|(key, _)| *key != "$ref" && *key != "$defs") {
                plain.insert(key.clone(), resolved(value, definitions));
            }
            plain.into()
        }
        Value::Array(items) => items.iter().map(|item| resolved(item, definitions)).collect(),
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers are cast")]
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => json!(float as i64),
            _ => schema.clone(),
        },
        other => other.clone(),
    }
}

/// Holds what was said against the file of this name.
fn compare(plugin: &str, file: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/weather").join(file);
    if plugin == "weather-rust" && std::env::var_os("TOOLYARD_UPDATE").is_some() {
        fs::write(&path, said).expect("the file can be written");
    }
    let expected = fs::read_to_string(&path).expect("the file can be read");
    let mut lines = expected.lines().zip(said.lines()).enumerate();
    if let Some((at, (expected, said))) = lines.find(|(_, (expected, said))| expected != said) {
        panic!("{plugin} differs from {file} in line {}\nexpected {expected}\nbut got  {said}", at + 1);
    }
    assert_eq!(said.lines().count(), expected.lines().count(), "{plugin}: {said}");
}

/// The same for every language.
fn check(plugin: &str) {
    let site = Site::open(service);
    let host = host(plugin, &site);
    compare(plugin, "described.json", &described(&host, plugin));
    compare(plugin, "answers.txt", &answers(&host, plugin));
    asks_before_it_forgets(&host, plugin);
    tells_how_far_it_is(&host, plugin);
    sees_time_and_chance(&host, plugin);
    survives_a_crash(&host, plugin);
    host.stop();
    is_refused_plainly(plugin);
}

fn asks_before_it_forgets(host: &Host, plugin: &str) {
    let tool = format!("{plugin}_forget_places");
    let text = |answer: Value| {
        let call = Rounds::of_tool(host, &tool);
        let need = call.begin();
        let schema = json!({
            "type": "object",
            "properties": { "forget": { "type": "boolean", "description": "Whether to forget them." } },
            "required": ["forget"],
        });
        let params = json!({ "mode": "form", "message": "Forget 2 places?", "requestedSchema": schema });
        assert_eq!(
            json!(need.requests),
            json!({ "sure": { "method": "elicitation/create", "params": params } }),
            "{plugin}"
        );
        call.end(&need, &json!({ "sure": answer }))["content"].take()
    };
    let kept = json!([{ "type": "text", "text": "Kept everything." }]);
    assert_eq!(text(json!({ "action": "decline" })), kept, "{plugin}");
    assert_eq!(text(accept(&json!({ "forget": false }))), kept, "{plugin}");
    let forgot = json!([{ "type": "text", "text": "Forgot 2 places." }]);
    assert_eq!(text(accept(&json!({ "forget": true }))), forgot, "{plugin}");
    assert_eq!(
        host.call(&format!("{plugin}_places"), &json!({}))["structuredContent"],
        json!({ "places": [] }),
        "{plugin}"
    );
}

fn tells_how_far_it_is(host: &Host, plugin: &str) {
    let params = json!({ "name": format!("{plugin}_forecast"), "arguments": { "place": "berlin" },
        "_meta": { "progressToken": "p", "io.modelcontextprotocol/logLevel": "info" } });
    let reply = host.modern("tools/call", params);
    let said: Vec<Value> = reply.messages().into_iter().filter(|message| message.get("method").is_some()).collect();
    let progress = |step: u32, message: &str| {
        let params = json!({ "progressToken": "p", "progress": f64::from(step), "total": 3.0, "message": message });
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
    };
    let of = |method: &str| said.iter().filter(|message| message["method"] == method).collect::<Vec<_>>();
    let steps = [progress(1, "looking for the place"), progress(2, "asking for the forecast"), progress(3, "done")];
    let floats = |values: &[&Value]| values.iter().map(|value| crate::expect::as_floats(value)).collect::<Vec<_>>();
    assert_eq!(floats(&of("notifications/progress")), steps, "{plugin}");
    let logged = of("notifications/message");
    assert_eq!(logged.len(), 1, "{plugin}: {said:?}");
    assert_eq!(logged[0]["params"]["level"], "info", "{plugin}");
    assert_eq!(logged[0]["params"]["data"], "forecast of 3 days for Berlin", "{plugin}");
}

/// Instances are made from images in which a clock and a generator may be frozen.
fn sees_time_and_chance(host: &Host, plugin: &str) {
    let now = || host.call(&format!("{plugin}_now"), &json!({}))["structuredContent"].take();
    let ours =
        || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()).expect("small");
    let before = ours();
    let seen = [now(), now(), now()];
    let after = ours();
    let times: Vec<u64> = seen.iter().map(|now| now["time_ms"].as_u64().expect("a time")).collect();
    assert!(times.is_sorted() && before <= times[0] && times[2] <= after, "{plugin}: {before} {seen:?} {after}");
    // Two of three of 2^31 are the same once in a billion runs.
    assert!(seen[0]["random"] != seen[1]["random"] && seen[1]["random"] != seen[2]["random"], "{plugin}: {seen:?}");
}

fn survives_a_crash(host: &Host, plugin: &str) {
    let answer = send(host, plugin, "tools/call", &json!({ "name": "crash", "arguments": {} })).answer();
    let message = if answer["error"].is_object() {
        answer["error"]["message"].as_str().unwrap_or_default().to_owned()
    } else {
        crate::expect::failure(&answer["result"])
    };
    crate::expect::sentence(&message);
    let converted = host.call(&format!("{plugin}_convert"), &json!({ "value": 0, "from": "celsius", "to": "kelvin" }));
    assert_eq!(converted["structuredContent"]["value"], 273, "{plugin}");
}

/// Without grants: the same plain words, and nothing else broken.
fn is_refused_plainly(plugin: &str) {
    let host = Setup::new().plugin(plugin).start();
    let call = |tool: &str, arguments: Value| host.call(&format!("{plugin}_{tool}"), &arguments);
    crate::expect::failure(&call("places", json!({})));
    crate::expect::failure(&call("forecast", json!({ "place": "berlin" })));
    host.stop();
    let site = Site::open(service);
    let host = Setup::new().plugin(plugin).config(&format!("[plugin.{plugin}.grants.keyvalue]\n")).start();
    let result = host.call(&format!("{plugin}_forecast"), &json!({ "place": "berlin" }));
    assert_eq!(crate::expect::failure(&result), "The weather service cannot be reached.", "{plugin}");
    assert_eq!(site.connections(), 0);
    host.stop();
}
