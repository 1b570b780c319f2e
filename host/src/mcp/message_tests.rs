use super::*;

/// Parses `body` and says in a word what came of it.
fn check(body: &str, expected: &str) {
    let seen = match Message::parse(body) {
        Ok(Message { kind: Kind::Request { id, method }, .. }) => format!("request {} {method}", id.get()),
        Ok(Message { kind: Kind::Notification { method }, .. }) => format!("notification {method}"),
        Ok(Message { kind: Kind::Response { .. }, .. }) => "response".into(),
        Err(Rejection { id, fault }) => format!("{} {}", fault.code(None), id.map_or("-".into(), |id| id.to_string())),
    };
    assert_eq!(seen, expected, "{body}");
}

#[test]
fn messages_are_told_apart() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping");
    check(r#"{"jsonrpc":"2.0","id":"a\u0062","method":"ping","params":{}}"#, r#"request "a\u0062" ping"#);
    check(r#" {"jsonrpc":"2.0","id":-7,"method":"p\u0069ng","extra":[1]}"#, "request -7 ping");
    check(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized");
    check(r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "response");
    check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#, "response");
}

#[test]
fn mistakes_keep_their_id_where_it_can_be_read() {
    check("{", "-32700 -");
    check("", "-32700 -");
    check("\"x\"", "-32600 -");
    check("[]", "-32600 -");
    check(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "-32600 -");
    check(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "-32600 -");
    check(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, "-32600 -");
    check(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, "-32600 -");
    check(r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#, "-32600 3");
    check(r#"{"id":3,"method":"ping"}"#, "-32600 3");
    check(r#"{"jsonrpc":"2.0","id":3}"#, "-32600 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":5}"#, "-32600 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","params":[1]}"#, "-32602 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"name":7}}"#, "-32602 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"_meta":7}}"#, "-32602 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"_meta":{"progressToken":{}}}}"#, "-32602 3");
}

#[test]
fn a_key_stands_once() {
    check(r#"{"jsonrpc":"2.0","id":3,"id":4,"method":"a"}"#, "-32600 -");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","method":"b"}"#, "-32600 3");
    check(r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"name":"x","name":"y"}}"#, "-32600 3");
    check(
        r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"_meta":{"progressToken":1,"progressToken":2}}}"#,
        "-32600 3",
    );
}

#[test]
fn nesting_does_not_overflow() {
    let deep = "[".repeat(10_000);
    let body = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"a","params":{{"x":{deep}{}}}}}"#, "]".repeat(10_000));
    check(&body, "-32600 -");
    check(&format!(r#"{{"x":{deep}"#), "-32600 -");
}

#[test]
fn meta_of_others_is_kept_and_the_protocols_is_not() {
    let body = r#"{"jsonrpc":"2.0","id":3,"method":"a","params":{"_meta":{"com.example/a":[1],"io.modelcontextprotocol/new":1}}}"#;
    let message = Message::parse(body).unwrap();
    let others: Vec<_> = message.params.meta.others.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(others, ["com.example/a=[1]"]);
}
