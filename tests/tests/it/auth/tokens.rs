//! Access tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use toolyard_tests::{Issuer, Request, Setup, eventually, modern_request};

use super::{bearer, call, challenge, context, host, list, not_logged, trust, trusting};

/// Claims as the issuer makes them, with these changes; null takes a claim out.
fn claims(issuer: &Issuer, audience: &str, changes: &Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let mut claims = json!({
        "iss": issuer.url(), "sub": "alice", "aud": audience, "client_id": "c", "scope": "read", "iat": now, "exp": now + 600,
    });
    changes.as_object().expect("changes are an object").iter().for_each(|(name, value)| claims[name] = value.clone());
    claims.as_object_mut().expect("claims are an object").retain(|_, value| !value.is_null());
    claims
}

#[test]
fn a_caller_without_a_token_is_told_where_to_get_one() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let origin = host.url().strip_suffix("/mcp").expect("that is the endpoint").to_owned();
    let reply = host.modern("tools/list", json!({}));
    let document = format!("{origin}/.well-known/oauth-protected-resource");
    assert_eq!(challenge(&reply, 401), format!("Bearer resource_metadata=\"{document}/mcp\", scope=\"read\""));
    for (path, resource) in
        [("", "/mcp"), ("/mcp", "/mcp"), ("/t/default/mcp", "/t/default/mcp"), ("/t/no-such/mcp", "/t/no-such/mcp")]
    {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let reply = host.send(&Request::bare("GET", &path).header("Origin", "https://anywhere.example"));
        assert_eq!((reply.status, reply.header("Access-Control-Allow-Origin")), (200, Some("*")), "{reply:?}");
        let document = reply.json();
        assert_eq!(document["resource"], format!("{origin}{resource}"));
        assert_eq!(document["authorization_servers"], json!([issuer.url()]));
        assert_eq!(document["scopes_supported"], json!(["read"]));
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    }
    // Every way in asks: also the legacy era's, and streams.
    for request in [
        Request::post(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#),
        Request::bare("GET", "/mcp").header("Accept", "text/event-stream"),
        Request::bare("DELETE", "/mcp"),
        Request::post("not even JSON"),
    ] {
        challenge(&host.send(&request), 401);
    }
    assert_eq!(host.send(&Request::bare("OPTIONS", "/mcp")).status, 204, "a browser asks before it has a token");
    host.stop();
}

#[test]
fn a_token_opens_and_says_who_calls() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let token = issuer.token(&host.url(), "read write");
    let told = context(&host, &bearer(call("echo_context", &json!({})), &token));
    assert_eq!((&told["tenant"], &told["scopes"]), (&json!("default"), &json!(["read", "write"])));
    let sum = host.send(&bearer(call("echo_add", &json!({ "a": 1, "b": 2 })), &token)).result();
    assert_eq!(sum["structuredContent"]["sum"], 3);
    not_logged(&host, &[&token]);
    host.stop();
}

#[test]
fn a_missing_scope_is_named_with_all_others_that_it_takes() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let origin = host.url().strip_suffix("/mcp").expect("that is the endpoint").to_owned();
    let token = issuer.token(&host.url(), "read");
    let reply = host.send(&bearer(call("echo_fail", &json!({ "message": "x" })), &token));
    assert_eq!(
        challenge(&reply, 403),
        format!(
            "Bearer error=\"insufficient_scope\", scope=\"write admin\", \
             resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\", \
             error_description=\"this needs a scope that was not granted\""
        )
    );
    host.stop();
}

#[test]
fn tokens_that_are_refused() {
    let mut issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let (audience, now) = (host.url(), 1_000_000_000);
    let other = issuer.token("https://other.example/mcp", "read");
    let mut refused = vec![("its audience is not this server", other)];
    for (reason, changes, header) in [
        ("has expired", json!({ "exp": now }), json!({})),
        ("not valid yet", json!({ "nbf": 4_000_000_000_u64 }), json!({})),
        ("until when", json!({ "exp": null }), json!({})),
        ("issuer is not one", json!({ "iss": "https://evil.example" }), json!({})),
        ("of another kind", json!({}), json!({ "typ": "logout+jwt" })),
        ("of another kind", json!({ "nonce": "n" }), json!({ "typ": "JWT" })),
        ("another form", json!({ "sub": "a\nb" }), json!({})),
        ("does not show", json!({}), json!({ "kid": "forged" })),
        ("audience", json!({ "aud": ["https://other.example/mcp"] }), json!({})),
        ("bound to a key in a way", json!({ "cnf": { "x5t#S256": "x" } }), json!({})),
        ("bound to a key: send it", json!({ "cnf": { "jkt": "x" } }), json!({})),
    ] {
        refused.push((reason, issuer.sign(&claims(&issuer, &audience, &changes), &header)));
    }
    let good = issuer.sign(&claims(&issuer, &audience, &json!({})), &json!({}));
    assert_eq!(list(&host, &format!("Bearer {good}")).status, 200);
    let (signed, _) = good.rsplit_once('.').expect("a token has three parts");
    refused.push(("signature", format!("{signed}.AAAA")));
    // {"alg":"none"}
    let claims = signed.split_once('.').expect("a token has three parts").1;
    refused.push(("algorithm", format!("eyJhbGciOiJub25lIn0.{claims}.")));
    for (reason, token) in &refused {
        let reply = list(&host, &format!("Bearer {token}"));
        let line = challenge(&reply, 401);
        assert!(line.contains("error=\"invalid_token\"") && line.contains(reason), "{reason}: {line}");
        not_logged(&host, &[token]);
    }
    for malformed in ["Bearer", "Basic bWU6", "Bearer a b"] {
        assert!(challenge(&list(&host, malformed), 400).contains("error=\"invalid_request\""));
    }
    // A token in the URL is no token (OAuth 2.1, 5.1.1).
    let mut in_url = modern_request("tools/list", json!({}));
    in_url.path = format!("/mcp?access_token={good}");
    challenge(&host.send(&in_url), 401);
    host.stop();
}

#[test]
fn a_scope_has_others_in_it() {
    let issuer = Issuer::start();
    let host = trusting(&issuer, "[auth.scope_includes]\nread = ['write']\n");
    let token = issuer.token(&host.url(), "read");
    let sum = host.send(&bearer(call("echo_add", &json!({ "a": 1, "b": 2 })), &token)).result();
    assert_eq!(sum["structuredContent"]["sum"], 3);
    assert_eq!(context(&host, &bearer(call("echo_context", &json!({})), &token))["scopes"], json!(["read", "write"]));
    host.stop();
}

#[test]
fn keys_rotate() {
    let mut issuer = Issuer::start();
    let host = trusting(&issuer, "");
    let before = issuer.token(&host.url(), "read");
    let unused = issuer.token(&host.url(), "read");
    assert_eq!(list(&host, &format!("Bearer {before}")).status, 200);
    issuer.rotate();
    let after = issuer.token(&host.url(), "read");
    assert_eq!(list(&host, &format!("Bearer {after}")).status, 200, "its key was not known a moment ago");
    let withdrawn = list(&host, &format!("Bearer {unused}"));
    assert!(challenge(&withdrawn, 401).contains("does not show"), "its key is withdrawn");
    host.stop();
}

#[test]
fn an_issuer_that_is_away_is_nobodys_fault() {
    let issuer = Issuer::start();
    let config = trust(&issuer, "");
    let token = issuer.token("http://127.0.0.1:1/mcp", "read");
    drop(issuer);
    let host = host(&config);
    let reply = list(&host, &format!("Bearer {token}"));
    assert_eq!((reply.status, reply.header("Retry-After")), (503, Some("2")), "{reply:?}");
    eventually("the operator to be told", || host.log.has(&["keys cannot be fetched"]).then_some(()));
    host.stop();
}

#[test]
fn a_tenant_is_its_callers_and_nobody_elses() {
    let mut issuer = Issuer::start();
    let config = format!(
        "public_url = 'https://tools.example'\n{}\n[tenant.acme]\n[tenant.umbrella]\n",
        trust(&issuer, "tenant_claim = 'org'\n")
    );
    let echo = toolyard_tests::guest("echo");
    let setup = Setup::new().file("acme/echo.wasm", echo.clone()).file("umbrella/echo.wasm", echo);
    let host = setup.config(&config).start();
    let of = |tenant: &str| {
        let mut request = call("echo_context", &json!({}));
        if !tenant.is_empty() {
            request.path = format!("/t/{tenant}/mcp");
        }
        request
    };
    let mut token = |audience: &str, org: Value| {
        let claims = claims(&issuer, audience, &json!({ "org": org }));
        issuer.sign(&claims, &json!({}))
    };
    let acme = token("https://tools.example/mcp", json!("acme"));
    let own = token("https://tools.example/t/acme/mcp", json!("acme"));
    for request in [of(""), of("acme")] {
        assert_eq!(context(&host, &bearer(request.clone(), &acme))["tenant"], "acme");
        assert_eq!(context(&host, &bearer(request, &own))["tenant"], "acme");
    }
    let foreign = host.send(&bearer(of("umbrella"), &acme));
    assert_eq!(foreign.status, 403);
    let nobodys = host.send(&bearer(of("no-such"), &acme));
    assert_eq!((nobodys.status, &nobodys.body), (403, &foreign.body), "nobody learns which tenants there are");
    let stranger = token("https://tools.example/mcp", json!("no-such"));
    for request in [of(""), of("no-such")] {
        let reply = host.send(&bearer(request, &stranger));
        assert_eq!((reply.status, &reply.body), (403, &foreign.body));
    }
    for org in [Value::Null, json!("a b")] {
        let reply = host.send(&bearer(of(""), &token("https://tools.example/mcp", org)));
        assert!(challenge(&reply, 401).contains("of which tenant"));
    }
    let foreign = token("https://tools.example/t/umbrella/mcp", json!("acme"));
    assert!(challenge(&host.send(&bearer(of(""), &foreign)), 401).contains("audience"));
    host.stop();
}
