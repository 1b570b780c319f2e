//! Policies × callers × things, as tables.

use std::{fs, path::PathBuf, str::FromStr};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    asked::{Action, Hints, Kind, What},
    engine::{Engine, Refused},
    explain::explain,
    force::Policy,
};
use crate::{
    auth::{By, Principal},
    config::{ArgumentType, Config, PolicyArguments, PolicyDefault, PolicySettings},
    ids::TenantId,
    signals::{Signal, Signals},
};

/// A folder with policies in it.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }

    fn settings(&self) -> PolicySettings {
        let files: Vec<PathBuf> = vec![self.0.path().join("*.cedar")];
        PolicySettings { files, default: PolicyDefault::default(), arguments: arguments() }
    }

    fn load(&self) -> Policy {
        Policy::load(&self.settings()).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    /// The mistakes, without the folder's name.
    fn mistakes(&self) -> Vec<String> {
        let errors = Policy::load(&self.settings()).err().expect("there are mistakes");
        let folder = format!("{}/", self.0.path().display());
        errors.iter().map(|error| error.to_string().replace(&folder, "")).collect()
    }
}

/// Those that some tools declare.
fn arguments() -> PolicyArguments {
    let declared = [
        ("path", ArgumentType::String),
        ("size", ArgumentType::Long),
        ("force", ArgumentType::Bool),
        ("tags", ArgumentType::Strings),
    ];
    declared.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

fn policy(text: &str) -> Policy {
    Folder::with(&[("p.cedar", text)]).load()
}

fn caller(subject: &str) -> Principal {
    Principal {
        tenant: TenantId::default(),
        subject: subject.into(),
        scopes: Vec::new(),
        groups: Vec::new(),
        client: None,
        by: By::Anonymous,
    }
}

fn tool<'a>(tenant: &'a TenantId, name: &'a str, hints: Hints) -> What<'a> {
    let (plugin, own) = name.split_once('_').unwrap();
    What { tenant, plugin, name, own, kind: Kind::Tool(hints), arguments: PolicyArguments::none() }
}

fn reads() -> Hints {
    Hints::new(Some(true), None, None, None)
}

fn destroys() -> Hints {
    Hints::new(None, None, None, None)
}

#[test]
fn what_a_plugin_does_not_say_is_what_the_protocol_takes_for_granted() {
    assert_eq!(destroys(), Hints { read_only: false, destructive: true, idempotent: false, open_world: true });
    assert_eq!(reads(), Hints { read_only: true, destructive: false, idempotent: true, open_world: true });
    assert!(!Hints::new(Some(true), Some(true), None, None).destructive);
}

/// Policies, and what they say of six callers: `+` is a call that is allowed, of a tool that destroys, and of one that reads.
const DECISIONS: &[(&str, [&str; 6])] = &[
    ("permit (principal, action, resource);", ["++"; 6]),
    ("", ["--"; 6]),
    ("permit (principal == User::\"alice\", action, resource);", ["++", "--", "--", "--", "--", "++"]),
    ("permit (principal in Group::\"ops\", action, resource);", ["--", "++", "--", "--", "--", "--"]),
    ("permit (principal in Tenant::\"acme\", action, resource);", ["--", "--", "--", "--", "--", "++"]),
    ("permit (principal, action, resource in Tenant::\"acme\");", ["--", "--", "--", "--", "--", "++"]),
    (
        "permit (principal, action, resource) when { principal.tenant == \"acme\" };",
        ["--", "--", "--", "--", "--", "++"],
    ),
    (
        "permit (principal, action, resource) when { principal.scopes.contains(\"tools:read\") };",
        ["--", "--", "++", "--", "--", "--"],
    ),
    (
        "permit (principal, action, resource) when { principal.groups.contains(\"all\") };",
        ["--", "++", "--", "--", "--", "--"],
    ),
    (
        "permit (principal, action, resource) when { principal has client && principal.client == \"ci\" };",
        ["--", "--", "--", "++", "--", "--"],
    ),
    (
        "permit (principal, action, resource) when { principal has key && principal.key == \"k1\" };",
        ["--", "--", "--", "++", "--", "--"],
    ),
    (
        "permit (principal, action, resource) when { principal has issuer && principal.issuer like \"https://*\" };",
        ["--", "--", "--", "--", "++", "--"],
    ),
    (
        "permit (principal, action, resource) unless { principal.authenticatedBy == \"anonymous\" };",
        ["--", "--", "--", "++", "++", "--"],
    ),
    ("permit (principal, action in Action::\"use\", resource is Tool) when { resource.readOnly };", ["-+"; 6]),
    (
        "permit (principal, action, resource); forbid (principal, action, resource is Tool)
            when { resource.destructive } unless { principal in Group::\"ops\" };",
        ["-+", "++", "-+", "-+", "-+", "-+"],
    ),
    ("permit (principal, action, resource is Tool in Plugin::\"disk\");", ["++"; 6]),
    ("permit (principal, action, resource in Plugin::\"net\");", ["--"; 6]),
    ("permit (principal, action, resource == Tool::\"disk_wipe\");", ["+-"; 6]),
    ("permit (principal, action, resource is Tool) when { resource.ownName like \"w*\" };", ["+-"; 6]),
    ("permit (principal, action == Action::\"list\", resource);", ["--"; 6]),
    ("permit (principal, action == Action::\"call\", resource);", ["++"; 6]),
    ("permit (principal, action in [Action::\"list\", Action::\"call\"], resource);", ["++"; 6]),
    ("permit (principal, action == Action::\"read\", resource);", ["--"; 6]),
];

#[test]
fn policies_decide_by_who_and_what() {
    let alice = || caller("alice");
    let ops = || Principal { groups: vec!["ops".into(), "all".into()], ..caller("bob") };
    let scoped = || Principal { scopes: vec!["tools:read".into()], ..caller("carol") };
    let key = || Principal { by: By::Key("k1".into()), client: Some("ci".into()), ..caller("dave") };
    let token = || Principal { by: By::Token { issuer: "https://id.example".into() }, ..caller("erin") };
    let other = || Principal { tenant: "acme".parse().unwrap(), ..caller("alice") };
    for (text, expected) in DECISIONS {
        let policy = policy(text);
        let callers = [alice(), ops(), scoped(), key(), token(), other()];
        for (caller, expected) in callers.iter().zip(expected) {
            let tools = [("disk_wipe", destroys()), ("disk_show", reads())];
            let seen = tools.map(|(name, hints)| {
                let what = tool(&caller.tenant, name, hints);
                let allowed = policy.may(caller, Action::Call, &what, None).allowed;
                assert_eq!(policy.reasons(caller, Action::Call, &what, None).allowed, allowed);
                if allowed { '+' } else { '-' }
            });
            assert_eq!(seen.iter().collect::<String>(), *expected, "{text} for {caller:?}");
        }
    }
}

#[test]
fn prompts_and_resources_are_decided_upon_too() {
    let policy = policy(
        "@id(\"prompts\") permit (principal, action in Action::\"use\", resource is Prompt) when { resource.plugin == \"a\" };
         @id(\"public\") permit (principal, action in Action::\"use\", resource is Resource)
             when { resource.uri like \"notes://public/*\" };
         @id(\"templates\") permit (principal, action == Action::\"list\", resource is Resource) when { resource.template };",
    );
    let (tenant, caller) = (TenantId::default(), caller("alice"));
    let thing = |plugin, name, kind| What {
        tenant: &tenant,
        plugin,
        name,
        own: name,
        kind,
        arguments: PolicyArguments::none(),
    };
    let check = |what: What<'_>, list: Option<&str>, used: Option<&str>| {
        let said = [Action::List, what.kind.action()].map(|action| policy.may(&caller, action, &what, None));
        assert_eq!(said.each_ref().map(|said| said.allowed), [list.is_some(), used.is_some()], "{what:?}");
        assert_eq!(said.each_ref().map(|said| said.rule.as_deref()), [list, used], "{what:?}");
    };
    check(thing("a", "a_greet", Kind::Prompt), Some("prompts"), Some("prompts"));
    check(thing("b", "b_greet", Kind::Prompt), None, None);
    check(thing("n", "notes://public/1", Kind::Resource), Some("public"), Some("public"));
    check(thing("n", "notes://mine/1", Kind::Resource), None, None);
    check(thing("n", "notes://mine/{id}", Kind::Template), Some("templates"), None);
    // What is not done with such a thing is refused.
    assert!(!policy.may(&caller, Action::Call, &thing("a", "a_greet", Kind::Prompt), None).allowed);
}

#[test]
fn arguments_are_seen_as_they_were_declared() {
    let policy = policy(
        "permit (principal, action == Action::\"list\", resource);
         @id(\"home\") permit (principal, action == Action::\"call\", resource)
             when { context.arguments has path && context.arguments.path like \"/home/*\" };
         @id(\"much\") forbid (principal, action, resource)
             when { context.arguments has size && context.arguments.size > 1000 };
         @id(\"force\") forbid (principal, action, resource)
             when { context.arguments has force && context.arguments.force };
         @id(\"tags\") forbid (principal, action, resource)
             when { context.arguments has tags && context.arguments.tags.contains(\"secret\") };",
    );
    let (tenant, caller, declared) = (TenantId::default(), caller("alice"), arguments());
    let what = What { arguments: &declared, ..tool(&tenant, "disk_write", destroys()) };
    let check = |arguments: Value, expected: Result<&str, Option<&str>>| {
        let decision = policy.may(&caller, Action::Call, &what, Some(&arguments));
        let said = if decision.allowed { Ok(decision.rule.as_deref().unwrap()) } else { Err(decision.rule.as_deref()) };
        assert_eq!(said, expected, "{arguments}");
    };
    check(json!({ "path": "/home/a" }), Ok("home"));
    check(json!({ "path": "/etc/passwd" }), Err(None));
    check(json!({}), Err(None));
    check(json!({ "path": null }), Err(None));
    check(json!({ "path": "/home/a", "size": 1000, "force": false, "tags": ["a"], "other": { "x": 1.5 } }), Ok("home"));
    check(json!({ "path": "/home/a", "size": 1001 }), Err(Some("much")));
    // The same number in another notation is the same number.
    check(serde_json::from_str(r#"{ "path": "/home/a", "size": 1.001e3 }"#).unwrap(), Err(Some("much")));
    check(json!({ "path": "/home/a", "force": true }), Err(Some("force")));
    check(json!({ "path": "/home/a", "tags": ["a", "secret"] }), Err(Some("tags")));
    // What policies cannot see is not permitted.
    for odd in [json!(0.5), json!("5"), json!(u64::MAX), json!(1e300), json!([1])] {
        check(json!({ "path": "/home/a", "size": odd }), Err(None));
    }
    check(json!({ "path": "/home/a", "tags": ["a", 1] }), Err(None));
    check(json!({ "path": ["/home/a"] }), Err(None));
    let refused = policy.leave(&caller, &what, Some(&json!({ "path": "/home/a", "size": "5" }))).unwrap_err();
    assert_eq!(refused.misfit.as_deref(), Some("the argument `size` is not of type long"));
    // A tool that declares none is decided without any.
    let plain = What { arguments: PolicyArguments::none(), ..what };
    assert!(!policy.may(&caller, Action::Call, &plain, Some(&json!({ "path": "/home/a" }))).allowed);
}

#[test]
fn what_may_not_be_listed_is_unknown() {
    let policy = policy(
        "@id(\"all\") permit (principal, action, resource);
         @id(\"hidden\") forbid (principal, action == Action::\"list\", resource == Tool::\"a_hidden\");
         @id(\"locked\") forbid (principal, action == Action::\"call\", resource == Tool::\"a_locked\");",
    );
    let (tenant, caller) = (TenantId::default(), caller("alice"));
    let leave = |name: &str| policy.leave(&caller, &tool(&tenant, name, reads()), None);
    let refused = |hidden, rule: &str| Err(Refused { hidden, rule: Some(rule.into()), misfit: None });
    assert_eq!(leave("a_open"), Ok(Some("all".into())));
    assert_eq!(leave("a_hidden"), refused(true, "hidden"));
    assert_eq!(leave("a_locked"), refused(false, "locked"));
}

#[test]
fn without_policies_the_default_holds_within_a_tenant() {
    let (tenant, other) = (TenantId::default(), TenantId::from_str("acme").unwrap());
    for (default, expected) in [(PolicyDefault::Allow, true), (PolicyDefault::Deny, false)] {
        let policy = Policy::load(&PolicySettings { default, ..PolicySettings::default() }).unwrap();
        assert_eq!(policy.is_open(), expected);
        let check = |tenant: &TenantId, expected: bool| {
            let what = tool(tenant, "a_b", destroys());
            assert_eq!(policy.may(&caller("alice"), Action::Call, &what, None).allowed, expected);
            assert_eq!(policy.leave(&caller("alice"), &what, None).is_ok(), expected);
        };
        check(&tenant, expected);
        check(&other, false);
    }
    let all = policy("permit (principal, action, resource);");
    assert!(!all.may(&caller("alice"), Action::List, &tool(&other, "a_b", reads()), None).allowed);
}

#[test]
fn a_policy_that_cannot_be_evaluated_permits_nothing_and_forbids() {
    let (tenant, caller, declared) = (TenantId::default(), caller("alice"), arguments());
    let what = What { arguments: &declared, ..tool(&tenant, "a_b", reads()) };
    let most = json!({ "size": i64::MAX });
    let overflows = "context.arguments has size && context.arguments.size + 1 > 5";
    let forbids = policy(&format!(
        "permit (principal, action, resource); @id(\"f\") forbid (principal, action, resource) when {{ {overflows} }};"
    ));
    let decision = forbids.may(&caller, Action::Call, &what, Some(&most));
    assert_eq!((decision.allowed, decision.rule.as_deref()), (false, Some("f")));
    let text = explain(&forbids, &caller, Action::Call, &what, Some(&most)).text;
    assert!(text.contains("forbid `f`") && text.contains("cannot be evaluated"), "{text}");
    assert!(forbids.may(&caller, Action::Call, &what, Some(&json!({ "size": 1 }))).allowed);
    let permits = policy(&format!(
        "permit (principal, action == Action::\"list\", resource); permit (principal, action, resource) when {{ {overflows} }};"
    ));
    assert!(!permits.may(&caller, Action::Call, &what, Some(&most)).allowed);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = Folder::with(&[
        ("a.cedar", "permit (principal, action, resource)\n  when { resource.readonly };\n"),
        (
            "b.cedar",
            "// fine\n@id(\"one\")\npermit (principal, action, resource);\n\npermit (principal, action, resource) when { ;\n",
        ),
        (
            "c.cedar",
            "@id(\"x\") permit (principal, action, resource);\n\n@id(\"x\")\nforbid (principal, action, resource);\n",
        ),
        (
            "d.cedar",
            "permit (principal is Usr, action, resource);\npermit (principal, action == Action::\"cal\", resource);\n",
        ),
        ("e.cedar", "\npermit (principal == ?principal, action, resource);\n"),
        (
            "f.cedar",
            "permit (principal, action, resource) when { context.arguments has pth };\n\
                     permit (principal, action, resource) when { context.arguments.path == \"x\" };\n",
        ),
    ]);
    let mistakes = folder.mistakes();
    let check = |place: &str, words: &str| {
        let found = mistakes.iter().any(|mistake| mistake.starts_with(place) && mistake.contains(words));
        assert!(found, "{place} … {words} in {mistakes:#?}");
    };
    check("a.cedar:2: ", "`readonly`");
    check("b.cedar:5: ", "unexpected token `;`");
    check("c.cedar:3: ", "`x` is also a policy at");
    check("d.cedar:1: ", "Usr");
    check("d.cedar:2: ", "cal");
    check("e.cedar:2: ", "nowhere to be linked");
    check("f.cedar:2: ", "path");
    assert!(mistakes.iter().all(|mistake| !mistake.contains("for policy")), "{mistakes:#?}");
}

#[test]
fn odd_policies_are_warned_of() {
    let folder = Folder::with(&[("a.cedar", "\npermit (principal, action, resource) when { false };")]);
    let warnings = folder.load().warnings();
    assert_eq!(warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [Some(2)], "{warnings:?}");
    let empty = Folder::with(&[("a.cedar", "// nothing yet\n")]).load();
    assert!(empty.warnings()[0].to_string().ends_with("a.cedar: holds no policy, so that nobody may do anything"));
}

#[test]
fn rules_are_named_by_id_or_by_place() {
    let policy = Folder::with(&[
        ("b.cedar", "// one\npermit (principal, action, resource); permit (principal, action, resource);\n\n\npermit (principal, action, resource);\n"),
        ("a.cedar", "@id(\"first\")\npermit (principal, action, resource);"),
    ])
    .load();
    let rules = policy.rules();
    assert_eq!(
        rules.iter().map(|rule| &*rule.name).collect::<Vec<_>>(),
        ["first", "b.cedar:2", "b.cedar:2#2", "b.cedar:5"]
    );
    assert_eq!(rules.iter().map(|rule| rule.line).collect::<Vec<_>>(), [1, 2, 2, 5]);
    // The first in order is named.
    let tenant = TenantId::default();
    let decision = policy.may(&caller("a"), Action::Call, &tool(&tenant, "a_b", reads()), None);
    assert_eq!(decision.rule.as_deref(), Some("first"));
}

#[test]
fn a_mistake_leaves_the_old_policies_in_force() {
    let folder = Folder::with(&[("p.cedar", "permit (principal, action, resource);")]);
    let (policy, tenant) = (folder.load(), TenantId::default());
    let allowed = || policy.may(&caller("a"), Action::Call, &tool(&tenant, "a_b", reads()), None).allowed;
    assert!(allowed());
    let signals = Signals::new();
    let (mut heard, mut outward) = (signals.listen(), signals.listen_outward());
    let taker = policy.clone().taker(&signals);
    let mut config = Config::new();
    let mut take = |text: &str, default| {
        fs::write(folder.0.path().join("p.cedar"), text).unwrap();
        config.policy = PolicySettings { default, ..folder.settings() };
        taker(&config).map(|put| put()).map_err(|error| error.to_string())
    };
    let (yes, no) = ("permit (principal, action, resource);", "forbid (principal, action, resource);");
    assert!(take("permit (principal, action, resource", PolicyDefault::Deny).unwrap_err().contains("p.cedar"));
    assert!(allowed());
    let before = policy.frozen();
    take(yes, folder.settings().default).unwrap();
    assert!(heard.try_recv().is_err() && outward.try_recv().is_err(), "they say the same");
    take(no, folder.settings().default).unwrap();
    assert_eq!((heard.try_recv(), outward.try_recv()), (Ok(Signal::Policies), Ok(Signal::PoliciesElsewhere)));
    assert!(!allowed() && heard.try_recv().is_err());
    let asked = tool(&tenant, "a_b", reads());
    assert!(before.may(&caller("a"), Action::Call, &asked, None).allowed, "what was frozen stays");
}

#[test]
fn policies_that_say_the_same_go_on_remembering() {
    let folder = Folder::with(&[("p.cedar", "permit (principal, action, resource);")]);
    let engine = Engine::load(&folder.settings()).unwrap();
    let is_same = |settings: &PolicySettings| engine.succeeded(settings).unwrap().is_none();
    assert!(is_same(&folder.settings()));
    let blind = PolicySettings { arguments: PolicyArguments::default(), ..folder.settings() };
    assert!(!is_same(&blind), "they see less");
    let open = PolicySettings::default();
    assert!(!is_same(&open));
    let open_now = Engine::load(&open).unwrap();
    assert!(open_now.succeeded(&open).unwrap().is_none() && open_now.succeeded(&folder.settings()).unwrap().is_some());
    fs::write(folder.0.path().join("p.cedar"), "permit (principal, action, resource); // the same").unwrap();
    assert!(!is_same(&folder.settings()), "nobody reads what it means");
}

#[test]
fn decisions_are_remembered_by_what_decides() {
    let folder = Folder::with(&[(
        "p.cedar",
        "permit (principal, action, resource is Tool) when { resource.readOnly && principal.scopes.contains(\"s\") };",
    )]);
    let engine = Engine::load(&folder.settings()).unwrap();
    let Engine::Policies(policies) = &engine else { panic!("there are policies") };
    let (tenant, declared) = (TenantId::default(), arguments());
    let with = Principal { scopes: vec!["s".into()], ..caller("alice") };
    let may = |principal: &Principal, what: &What<'_>| engine.may(principal, Action::Call, what, None).allowed;
    let count = || policies.remembered().count(&tenant);
    for _ in 0..3 {
        assert!(may(&with, &tool(&tenant, "a_b", reads())));
        assert!(may(&with.clone(), &tool(&tenant, "a_b", reads())));
        assert_eq!(count(), 1);
    }
    // Another caller, the same tool as another version describes it, and the same tool with arguments declared.
    assert!(!may(&caller("alice"), &tool(&tenant, "a_b", reads())));
    assert!(!may(&with, &tool(&tenant, "a_b", destroys())));
    assert!(may(&with, &What { arguments: &declared, ..tool(&tenant, "a_b", reads()) }));
    assert_eq!(count(), 4);
    // Callers make up URIs, so that these would fill it.
    let resource = What { kind: Kind::Resource, ..tool(&tenant, "a_b", reads()) };
    assert!(!engine.may(&with, Action::Read, &resource, None).allowed);
    assert!(engine.leave(&with, &resource, None).is_err());
    assert_eq!(count(), 4);
}

#[test]
fn what_is_remembered_is_bounded_for_each_tenant() {
    let folder = Folder::with(&[("p.cedar", "permit (principal, action, resource);")]);
    let engine = Engine::load(&folder.settings()).unwrap();
    let Engine::Policies(policies) = &engine else { panic!("there are policies") };
    let (many, few) = (TenantId::default(), TenantId::from_str("acme").unwrap());
    let quiet = Principal { tenant: few.clone(), ..caller("quiet") };
    assert!(engine.may(&quiet, Action::Call, &tool(&few, "a_b", reads()), None).allowed);
    let mut most = 0;
    for number in 0..9000 {
        let caller = caller(&number.to_string());
        assert!(engine.may(&caller, Action::Call, &tool(&many, "a_b", reads()), None).allowed);
        most = most.max(policies.remembered().count(&many));
    }
    assert_eq!(most, 8192);
    assert_eq!(policies.remembered().count(&many), 9000 - 8192);
    assert_eq!(policies.remembered().count(&few), 1);
}

#[test]
fn explanations_name_the_rule_and_its_place() {
    let policy = Folder::with(&[(
        "p.cedar",
        "@id(\"readers\")\npermit (principal, action, resource is Tool) when { resource.readOnly };\n\
         @id(\"no-disk\")\nforbid (principal, action == Action::\"call\", resource in Plugin::\"disk\");\n",
    )])
    .load();
    let (tenant, caller) = (TenantId::default(), caller("alice"));
    let check = |name: &str, hints: Hints, action: Action, expected: &[&str]| {
        let what = tool(&tenant, name, hints);
        let explanation = explain(&policy, &caller, action, &what, None);
        assert_eq!(explanation.allowed, expected[0].starts_with("allowed"));
        for expected in expected {
            assert!(explanation.text.contains(expected), "{expected} in {}", explanation.text);
        }
    };
    let alice = "`alice` of tenant `default`";
    check(
        "net_get",
        reads(),
        Action::Call,
        &[&format!("allowed: {alice} may call the tool `net_get`\n"), "  by permit `readers` at ", "p.cedar:1\n"],
    );
    check(
        "disk_show",
        reads(),
        Action::Call,
        &[&format!("denied: {alice} may not call the tool `disk_show`\n"), "  by forbid `no-disk` at ", "p.cedar:3\n"],
    );
    check(
        "net_post",
        destroys(),
        Action::Call,
        &[
            &format!("denied: {alice} may not list the tool `net_post`, so that it is unknown to them\n"),
            "  none of 2 policies permits it\n",
            "if they might list it: ",
        ],
    );
    check("disk_show", reads(), Action::List, &["allowed", "`readers`"]);
    let open = explain(&Policy::open(), &caller, Action::Call, &tool(&tenant, "a_b", reads()), None);
    assert!(open.allowed && open.text.ends_with("  there are no policies\n"));
}

/// A policy out of parts that tell callers and tools apart.
fn any_policy() -> impl Strategy<Value = String> {
    let effect = prop::sample::select(vec!["permit", "forbid"]);
    let who = prop::sample::select(vec!["principal", "principal == User::\"u0\"", "principal in Group::\"g1\""]);
    let action = prop::sample::select(vec!["action", "action == Action::\"list\"", "action == Action::\"call\""]);
    let thing = prop::sample::select(vec![
        "resource",
        "resource is Tool",
        "resource in Plugin::\"p1\"",
        "resource == Tool::\"p0_t0\"",
    ]);
    let when =
        prop::sample::select(vec!["", " when { principal.scopes.contains(\"s\") }", " unless { principal has key }"]);
    (effect, who, action, thing, when)
        .prop_map(|(effect, who, action, thing, when)| format!("{effect} ({who}, {action}, {thing}){when};\n"))
}

fn any_caller() -> impl Strategy<Value = Principal> {
    (0..2u8, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(user, group, scope, key)| Principal {
        groups: group.then(|| "g1".to_owned()).into_iter().collect(),
        scopes: scope.then(|| "s".to_owned()).into_iter().collect(),
        by: if key { By::Key("k".into()) } else { By::Anonymous },
        ..caller(&format!("u{user}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A list holds what a call finds, and no more; what is remembered is what the policies say.
    #[test]
    fn lists_and_calls_agree(policies in prop::collection::vec(any_policy(), 0..6), callers in prop::collection::vec(any_caller(), 1..4)) {
        let policy = policy(&policies.concat());
        let tenant = TenantId::default();
        let names: Vec<String> = (0..3).flat_map(|plugin| (0..2).map(move |tool| format!("p{plugin}_t{tool}"))).collect();
        for _ in 0..2 {
            for caller in &callers {
                let things = || names.iter().map(|name| tool(&tenant, name, reads()));
                let listed: Vec<&str> = things()
                    .filter(|what| policy.may(caller, Action::List, what, None).allowed)
                    .map(|what| what.name)
                    .collect();
                let known: Vec<&str> = things()
                    .filter(|what| policy.leave(caller, what, None).map_or_else(|refused| !refused.hidden, |_| true))
                    .map(|what| what.name)
                    .collect();
                prop_assert_eq!(&listed, &known);
                for what in things() {
                    let left = policy.leave(caller, &what, None).is_ok();
                    let may = |action| policy.reasons(caller, action, &what, None).allowed;
                    prop_assert_eq!(left, may(Action::List) && may(Action::Call));
                    prop_assert_eq!(policy.may(caller, Action::Call, &what, None).allowed, may(Action::Call));
                }
            }
        }
    }
}
