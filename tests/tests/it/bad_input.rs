//! What bad input gets from the host's side: the right status and code, one clear sentence, and nobody else notices.

use serde_json::{Value, json};
use toolyard_tests::{Host, Reply, Request, Setup, modern_request, undisturbed};

use crate::expect;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// Small limits, so that little is over them.
const LIMITS: &str = "[limits]\nbody_bytes_max = 65536\nheader_bytes_max = 16384\n";

fn host() -> Host {
    let schema = json!({
        "type": "object",
        "properties": {
            "city": { "type": "string", "minLength": 1 },
            "days": { "type": "integer", "minimum": 1, "maximum": 7 },
        },
        "required": ["city"],
        "additionalProperties": false,
    });
    let tools = json!([{ "name": "echo" }, { "name": "weather", "input_schema": schema.to_string() }]);
    Setup::new().script("b", &json!({ "tools": tools })).config(LIMITS).start()
}

fn call() -> Request {
    modern_request("tools/call", json!({ "name": "b_echo" }))
}

fn list() -> Request {
    modern_request("tools/list", json!({}))
}

/// Checks an answer that has no request to belong to.
fn without_id(reply: &Reply, status: u16, code: i64) -> String {
    expect::error(reply, status, code, &Value::Null)
}

#[test]
fn malformed_json() {
    let host = host();
    undisturbed(&host, || {
        for body in [
            "",
            "{",
            "{]",
            "nonsense",
            "{\"a\":1} 2",
            "\"",
            "{'a':1}",
            "{\"a\":[1,]}",
            "\u{feff}{}",
            "NaN",
            "{\"a\":\"\n\"}",
        ] {
            without_id(&host.send(&list().body(body)), 400, PARSE_ERROR);
        }
        without_id(&host.send(&list().body(b"{\"method\":\"\xff\"}".to_vec())), 400, PARSE_ERROR);
    });
    host.stop();
}

#[test]
fn json_that_is_no_request() {
    let host = host();
    undisturbed(&host, || {
        for body in [
            json!(null),
            json!(1),
            json!("tools/list"),
            json!({}),
            json!({ "jsonrpc": "1.0", "id": 1, "method": "tools/list" }),
            json!({ "id": 1, "method": "tools/list" }),
            json!({ "jsonrpc": "2.0", "id": 1 }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": 5 }),
            json!({ "jsonrpc": "2.0", "id": null, "method": "tools/list" }),
            json!({ "jsonrpc": "2.0", "id": 1.5, "method": "tools/list" }),
            json!({ "jsonrpc": "2.0", "id": [1], "method": "tools/list" }),
        ] {
            let reply = host.send(&list().body(body.to_string()));
            assert_eq!(reply.status, 400, "{body}: {reply:?}");
            assert_eq!(reply.json()["error"]["code"], INVALID_REQUEST, "{body}: {reply:?}");
            expect::sentence(reply.json()["error"]["message"].as_str().expect("a message is a text"));
        }
        for params in [json!(5), json!("x"), json!([1])] {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
            let reply = host.send(&list().body(body.to_string()));
            assert_eq!(reply.status, 400, "{body}: {reply:?}");
            let code = &reply.json()["error"]["code"];
            assert!([INVALID_REQUEST, INVALID_PARAMS].map(Value::from).contains(code), "{body}: {reply:?}");
        }
    });
    host.stop();
}

#[test]
fn arrays_are_no_objects() {
    let host = host();
    let meta = |capabilities: Value| json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
    undisturbed(&host, || {
        for (method, params) in [
            ("tools/list", json!({ "_meta": meta(json!([])) })),
            ("tools/list", json!({ "_meta": meta(json!({ "elicitation": [] })) })),
            ("tools/list", json!({ "_meta": meta(json!({ "sampling": [{}] })) })),
            ("subscriptions/listen", json!({ "notifications": [true] })),
            ("completion/complete", json!({ "ref": ["ref/prompt", "x"], "argument": { "name": "a", "value": "" } })),
            ("completion/complete", json!({ "ref": { "type": "ref/prompt", "name": "x" }, "argument": ["a", ""] })),
        ] {
            let mut connection = host.start_sending(&modern_request(method, params.clone()));
            let head = connection.read_head().expect("there is an answer");
            assert_eq!(head.status, 400, "{method} {params}: {head:?}");
            let message = expect::error(&connection.read_rest(head), 400, INVALID_PARAMS, &json!(1));
            // How the host is made is nobody's affair.
            assert!(!message.contains("struct"), "{message}");
        }
        for params in [json!([]), json!({ "_meta": [] })] {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": params });
            let answer = host.send(&Request::post(body.to_string())).answer();
            let code = &answer["error"]["code"];
            assert!([INVALID_REQUEST, INVALID_PARAMS].map(Value::from).contains(code), "{body}: {answer}");
        }
    });
    host.stop();
}

#[test]
fn a_batch() {
    let host = host();
    undisturbed(&host, || {
        let one: Value = serde_json::from_slice(&list().body).expect("it was JSON");
        for batch in [json!([]), json!([one]), json!([one, one])] {
            without_id(&host.send(&list().body(batch.to_string())), 400, INVALID_REQUEST);
        }
        for version in ["2025-11-25", "2025-06-18"] {
            let ping = json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]);
            without_id(&host.send(&host.legacy(version).message(&ping)), 400, INVALID_REQUEST);
        }
    });
    host.stop();
}

#[test]
fn wrong_content_type() {
    let host = host();
    undisturbed(&host, || {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
            let reply = host.send(&list().header("Content-Type", kind));
            assert_eq!(reply.status, 415, "{kind}: {reply:?}");
            said(&reply, "application/json");
        }
        assert_eq!(host.send(&list().without("Content-Type")).status, 415);
        for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"] {
            assert_eq!(host.send(&list().header("Content-Type", kind)).status, 200, "{kind}");
        }
    });
    host.stop();
}

#[test]
fn wrong_accept() {
    let host = host();
    undisturbed(&host, || {
        for accept in
            ["text/html", "image/*", "application/xml, text/plain", "application/json;q=0, text/event-stream;q=0"]
        {
            let reply = host.send(&list().header("Accept", accept));
            assert_eq!(reply.status, 406, "{accept}: {reply:?}");
            said(&reply, "application/json");
        }
        assert_eq!(host.send(&list().without("Accept")).status, 200);
    });
    host.stop();
}

/// Checks that the body, whatever its form, says something with this word in it.
fn said(reply: &Reply, word: &str) {
    let body = String::from_utf8_lossy(&reply.body);
    assert!(body.contains(word), "`{word}` is not said: {reply:?}");
    expect::sentence(body.trim());
}

#[test]
fn a_body_over_its_limit() {
    let host = host();
    undisturbed(&host, || {
        let filler = " ".repeat(65_536);
        let large = |request: Request| request.clone().body([request.body.as_slice(), filler.as_bytes()].concat());
        let reply = host.send(&large(call()));
        assert_eq!(reply.status, 413, "{reply:?}");
        said(&reply, "65536");

        // One that does not say how large it is.
        let chunk = format!("{:x}\r\n{filler}\r\n", filler.len());
        let chunked = call().header("Transfer-Encoding", "chunked").body(format!("{chunk}{chunk}0\r\n\r\n"));
        assert_eq!(host.send(&chunked).status, 413);

        // One that says so and sends nothing is answered without waiting for it.
        let mut connection = host.start_sending(&call().header("Content-Length", "99999999999").body(""));
        assert_eq!(connection.read().status, 413);

        // Just within the limit is fine.
        let request = call();
        let filler = " ".repeat(65_536 - request.body.len());
        let request = request.clone().body([request.body.as_slice(), filler.as_bytes()].concat());
        assert_eq!(host.send(&request).status, 200);
    });
    host.stop();
}

#[test]
fn headers_over_their_limit() {
    let host = host();
    undisturbed(&host, || {
        assert_eq!(host.send(&list().header("X-Long", &"x".repeat(20_000))).status, 431);
        let many = (0..1000).fold(list(), |request, number| request.header(&format!("X-Many-{number}"), "x"));
        assert_eq!(host.send(&many).status, 431);
        let mut long_path = list();
        long_path.path = format!("/mcp?{}", "x".repeat(20_000));
        let status = host.send(&long_path).status;
        assert!([414, 431].contains(&status), "{status}");
    });
    host.stop();
}

#[test]
fn what_is_not_http() {
    let host = host();
    undisturbed(&host, || {
        for bytes in
            [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"POST /mcp HTTP/9.9\r\n\r\n"]
        {
            let mut connection = host.connect();
            connection.write(bytes);
            // It is told so, or not answered at all; and it is not kept.
            if let Ok(reply) = connection.try_read() {
                assert!((400..600).contains(&reply.status), "{reply:?}");
            }
            assert!(connection.is_closed());
        }
    });
    host.stop();
}

#[test]
fn json_nested_10000_deep() {
    let host = host();
    undisturbed(&host, || {
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for deep in [deep("[", "]"), deep("{\"a\":", "}")] {
            let request = call();
            let body = String::from_utf8(request.body.clone()).expect("JSON is UTF-8");
            let id = json!(1);
            // As the whole body, in `_meta`, as arguments, and where nobody looks.
            let reply = host.send(&request.clone().body(deep.clone()));
            assert_eq!(reply.status, 400, "{reply:?}");
            let in_meta = body.replacen("\"_meta\":{", &format!("\"_meta\":{{\"x/deep\":{deep},"), 1);
            let in_arguments = body.replacen("\"_meta\"", &format!("\"arguments\":{{\"x\":{deep}}},\"_meta\""), 1);
            let elsewhere = body.replacen("\"id\":1", &format!("\"id\":1,\"x\":{deep}"), 1);
            for body in [in_meta, in_arguments, elsewhere] {
                assert!(body.len() > 20_000, "the body was not changed");
                let reply = host.send(&request.clone().body(body));
                assert_eq!(reply.status, 400, "{reply:?}");
                let answer = reply.json();
                assert!(
                    [PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS].map(Value::from).contains(&answer["error"]["code"])
                );
                assert!([Value::Null, id.clone()].contains(answer.get("id").unwrap_or(&Value::Null)));
                expect::sentence(answer["error"]["message"].as_str().expect("a message is a text"));
            }
        }
        // Forty deep is nothing unusual.
        let arguments = format!("{{\"x\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        let arguments: Value = serde_json::from_str(&arguments).expect("it is JSON");
        assert_eq!(host.call("b_echo", &arguments)["structuredContent"], arguments);
    });
    host.stop();
}

#[test]
fn a_duplicate_key() {
    let host = host();
    undisturbed(&host, || {
        let body = String::from_utf8(call().body).expect("JSON is UTF-8");
        for (from, to) in [
            ("\"method\":", "\"method\":\"tools/list\",\"method\":"),
            ("\"id\":1", "\"id\":2,\"id\":1"),
            ("\"id\":1", "\"x\":1,\"x\":2,\"id\":1"),
            ("\"params\":{", "\"params\":{\"name\":\"other\","),
            ("\"_meta\":{", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\","),
            ("\"_meta\":{", "\"_meta\":{\"com.example/a\":1,\"com.example/a\":2,"),
            ("\"_meta\":{", "\"_meta\":{\"com.example/a\":{\"k\":1,\"k\":2},"),
            ("\"name\":\"b_echo\"", "\"name\":\"b_echo\",\"n\\u0061me\":\"b_weather\""),
        ] {
            let twice = body.replacen(from, to, 1);
            assert_ne!(twice, body, "{from} is not there");
            let reply = host.send(&call().body(twice.clone()));
            assert_eq!(reply.status, 400, "{twice}: {reply:?}");
            let code = &reply.json()["error"]["code"];
            assert!(
                [PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS].map(Value::from).contains(code),
                "{twice}: {reply:?}"
            );
        }
        // In what the tool is given, the model is told: it wrote them.
        for arguments in ["{\"a\":1,\"a\":2}", "{\"o\":[{\"k\":1,\"k\":2}]}", "{\"a\":1,\"\\u0061\":2}"] {
            let body = body.replacen("\"_meta\"", &format!("\"arguments\":{arguments},\"_meta\""), 1);
            let reply = host.send(&call().body(body));
            let message = if reply.status == 200 {
                expect::failure(&reply.result())
            } else {
                expect::error(&reply, 400, INVALID_PARAMS, &json!(1))
            };
            assert!(message.contains("duplicate") || message.contains("twice"), "{message}");
        }
    });
    host.stop();
}

#[test]
fn an_unknown_method_or_tool() {
    let host = host();
    undisturbed(&host, || {
        let reply = host.modern("tools/cook", json!({}));
        assert!(expect::error(&reply, 404, METHOD_NOT_FOUND, &json!(1)).contains("tools/cook"), "{reply:?}");
        for name in ["b_nobody", "echo", "B_ECHO", "b_echo ", "../b_echo", ""] {
            let encoded = modern_request("tools/call", json!({ "name": name }));
            // A name with a space at its end cannot stand in a header as it is.
            let encoded =
                if name == "b_echo " { encoded.header("Mcp-Name", "=?base64?Yl9lY2hvIA==?=") } else { encoded };
            expect::error(&host.send(&encoded), 400, INVALID_PARAMS, &json!(1));
        }
        let reply = host.modern("tools/call", json!({ "name": "b_nobody" }));
        assert!(expect::error(&reply, 400, INVALID_PARAMS, &json!(1)).contains("b_nobody"), "{reply:?}");
        let nameless = host.modern("tools/call", json!({ "arguments": {} }));
        assert_eq!(nameless.status, 400, "{nameless:?}");
    });
    host.stop();
}

#[test]
fn an_unknown_path_or_verb() {
    let host = host();
    undisturbed(&host, || {
        for verb in ["GET", "PUT", "PATCH", "HEAD"] {
            assert_eq!(
                host.start_sending(&Request::bare(verb, "/mcp")).read_head().expect("an answer").status,
                405,
                "{verb}"
            );
        }
        let get = host.send(&Request::bare("GET", "/mcp").header("Accept", "text/event-stream"));
        assert_eq!(get.status, 405);
        assert!(get.header("Allow").is_some_and(|allow| allow.contains("POST")), "{get:?}");
        for path in ["/", "/mcp/x", "/sse", "/%2e%2e/etc/passwd"] {
            let mut request = list();
            request.path = path.to_owned();
            assert_eq!(host.send(&request).status, 404, "{path}");
        }
    });
    host.stop();
}

#[test]
fn a_foreign_origin() {
    let host = Setup::new().config("allowed_origins = [\"https://app.example\"]\n").start();
    let port = host.address().port();
    undisturbed(&host, || {
        let local =
            [format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"), "https://app.example".to_owned()];
        for origin in &local {
            assert_eq!(host.send(&list().header("Origin", origin)).status, 200, "{origin}");
        }
        for origin in [
            "http://evil.example",
            "https://app.example.evil.example",
            "http://app.example",
            "https://app.example:444",
            "http://localhost.evil.example",
            "null",
            "nonsense",
        ] {
            let reply = host.send(&list().header("Origin", origin));
            assert_eq!(reply.status, 403, "{origin}: {reply:?}");
            // Whatever `Host` says, and whatever era.
            let reply = host.send(&list().header("Origin", origin).header("Host", "evil.example"));
            assert_eq!(reply.status, 403, "{origin}: {reply:?}");
            let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} });
            let reply = host.send(&Request::post(initialize.to_string()).header("Origin", origin));
            assert_eq!(reply.status, 403, "{origin}: {reply:?}");
        }
    });
    host.stop();
}

#[test]
fn arguments_that_break_the_schema() {
    let host = host();
    let cases: &[(Value, &[&str])] = &[
        (json!({}), &["city", "required"]),
        (json!({ "city": 5 }), &["city", "string"]),
        (json!({ "city": "" }), &["city"]),
        (json!({ "city": "Bern", "days": 8 }), &["days", "7"]),
        (json!({ "city": "Bern", "days": "three" }), &["days", "integer"]),
        (json!({ "city": "Bern", "dayz": 3 }), &["dayz"]),
    ];
    undisturbed(&host, || {
        let session = host.legacy("2025-11-25");
        for (arguments, words) in cases {
            for result in [host.call("b_weather", arguments), session.call("b_weather", arguments)] {
                let message = expect::failure(&result);
                for word in *words {
                    assert!(message.contains(word), "`{word}` is not said about {arguments}: {message}");
                }
            }
        }
        for arguments in [json!([]), json!("x"), json!(5)] {
            let reply = host.modern("tools/call", json!({ "name": "b_weather", "arguments": arguments }));
            assert_eq!(reply.status, 400, "{arguments}: {reply:?}");
            expect::error(&reply, 400, INVALID_PARAMS, &json!(1));
        }
    });
    host.stop();
}
