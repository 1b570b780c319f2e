//! Asking for input: rounds, what is kept between them, and what does not fit.

use std::cell::Cell;

use toolyard_plugin::{
    Answer, ClientCapabilities, Context, Error, InputNeed, InputRequest, PromptResult, ToolResult, json, testing,
};
use toolyard_plugin::{log::Level, serde_json::Value};

#[toolyard_plugin::plugin]
mod office {
    use std::cell::Cell;

    use toolyard_plugin::{
        Answer, ClientCapabilities, Confirm, Context, Deserialize, Error, Form, JsonSchema, Result, Roots, Sampling,
        Url,
    };

    thread_local! {
        pub static WORK: Cell<u32> = const { Cell::new(0) };
    }

    #[derive(Deserialize, JsonSchema)]
    pub struct Person {
        pub name: String,
    }

    #[derive(Deserialize, JsonSchema)]
    pub struct Preference {
        pub color: String,
    }

    fn person() -> Form<Person> {
        Form::new("What is your name?")
    }

    pub fn greet(context: &Context) -> Result<String> {
        let answer = context.ask("user_name", person())?;
        Ok(match answer {
            Answer::Accepted(person) => format!("Hello, {}!", person.name),
            other => format!("No name: {}", other.action()),
        })
    }

    pub fn steps(context: Context) -> Result<String> {
        let name = context.ask("step1", person())?.accepted()?.name;
        let number: u32 = context.once("number", || {
            WORK.set(WORK.get() + 1);
            Ok(7)
        })?;
        let color = context.ask("step2", Form::<Preference>::new(format!("Which color, {name}?")))?;
        let color = color.ok().map_or("none".into(), |preference| preference.color);
        let said = context.sample("step3", Sampling::new(format!("{name} {color}")))?;
        Ok(format!("{name} {color} {number} {}", said.text()))
    }

    pub fn together(context: &Context) -> Result<String> {
        let (person, greeting, roots, page) = context.ask_all((
            ("user_name", person()),
            ("greeting", Sampling::new("Generate a greeting")),
            ("client_roots", Roots),
            ("page", context.client_can(ClientCapabilities::ELICITATION_URL).then(|| Url::new("Sign in", "https://a"))),
        ))?;
        let page = page.map_or("not asked", |page| page.action());
        Ok(format!("{} {} {} {page}", person.accepted()?.name, greeting.text(), roots[0].uri))
    }

    pub fn list(context: &Context, keys: Vec<String>) -> Result<String> {
        let answers = context.ask_all(keys.iter().map(|key| (key, Confirm::new(key))).collect::<Vec<_>>())?;
        Ok(answers.iter().map(Answer::action).collect::<Vec<_>>().join(" "))
    }

    pub fn needs(context: &Context) -> Result<String> {
        context.require(ClientCapabilities::SAMPLING | ClientCapabilities::ROOTS)?;
        Ok("fine".into())
    }

    pub fn counts(context: &Context) -> Result<String> {
        let count = context.recall::<u32>("count").unwrap_or(0) + 1;
        context.remember("count", &count)?;
        if count < 3 {
            context.ask(&format!("again{count}"), Confirm::new("Again?"))?;
        }
        Ok(count.to_string())
    }

    pub fn hoards(context: &Context) -> Result<String> {
        context.remember("much", &"x".repeat(17_000))?;
        context.roots("roots").map(|_| "never".into())
    }

    #[prompt]
    pub fn ask(context: &Context) -> Result<String> {
        Ok(context.ask("user_context", person())?.accepted()?.name)
    }

    #[resource(uri = "office://asks")]
    pub fn asks(context: &Context) -> Result<Option<String>> {
        Ok(context.ask("user_context", person())?.ok().map(|person| person.name))
    }

    #[resources]
    pub fn lists(context: &Context) -> Result<Vec<toolyard_plugin::Resource>> {
        context.roots("roots")?;
        Err(Error::failed("never"))
    }
}

use office::PLUGIN;

fn call(tool: &'static str) -> impl Fn(&Context) -> Result<ToolResult, Error> {
    move |context| PLUGIN.call(tool, "{}", context)
}

#[track_caller]
fn asks<T: std::fmt::Debug>(result: Result<T, Error>) -> InputNeed {
    match result {
        Err(Error::NeedInput(need)) => *need,
        other => panic!("{other:?}"),
    }
}

fn keys(need: &InputNeed) -> Vec<&str> {
    need.requests.iter().map(|(key, _)| key.as_str()).collect()
}

fn named(name: &str) -> Value {
    testing::accept(json!({"name": name}))
}

#[test]
fn a_question_is_answered_in_the_next_round() {
    let need = asks(call("greet")(&testing::context()));
    assert_eq!(keys(&need), ["user_name"]);
    assert_eq!(need.state, b"", "there is nothing to keep");
    let InputRequest::Form(form) = &need.requests[0].1 else { panic!("{need:?}") };
    assert_eq!(form.message, "What is your name?");
    assert_eq!(form.schema, r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#);

    let answered =
        |answer: Value| call("greet")(&testing::resumed(&need, [("other", json!({})), ("user_name", answer)]));
    assert_eq!(answered(named("Alice")), Ok("Hello, Alice!".into()));
    assert_eq!(answered(testing::decline()), Ok("No name: decline".into()));
    assert_eq!(answered(testing::cancel()), Ok("No name: cancel".into()));
}

#[test]
fn what_does_not_fit_is_asked_for_again() {
    let first = asks(call("greet")(&testing::context()));
    let wrong = [
        json!(12345),
        json!({}),
        json!({"action": "maybe"}),
        json!({"action": "accept"}),
        testing::accept(json!({"name": 1})),
        testing::accept(json!([])),
    ];
    for wrong in wrong {
        let run = || call("greet")(&testing::resumed(&first, [("user_name", wrong.clone())]));
        let (result, told) = testing::listen(run);
        assert_eq!(asks(result), first, "{wrong}");
        let [(Level::Warn, _, message)] = &told.logs[..] else { panic!("{told:?}") };
        assert!(message.starts_with("the answer to `user_name` does not fit and is asked for again: "), "{message}");
    }
    assert_eq!(asks(call("greet")(&testing::resumed(&first, [("wrong_key", named("Alice"))]))), first);
    assert_eq!(asks(call("greet")(&testing::resumed(&first, []))), first);
}

#[test]
fn rounds_follow_each_other_and_work_is_done_once() {
    office::WORK.set(0);
    let runs = Cell::new(0);
    let mut asked = Vec::new();
    let count = |context: &Context| {
        runs.set(runs.get() + 1);
        call("steps")(context)
    };
    let result = testing::converse(count, |key, request| {
        asked.push(key.to_owned());
        match (key, request) {
            ("step1", InputRequest::Form(_)) => Some(named("Ada")),
            ("step2", InputRequest::Form(form)) if form.message == "Which color, Ada?" => {
                Some(testing::accept(json!({"color": "red"})))
            }
            ("step3", InputRequest::Sampling(params)) if params.contains("Ada red") => Some(testing::sampled("ok")),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(result, Ok("Ada red 7 ok".into()));
    assert_eq!(
        (asked, runs.get(), office::WORK.get()),
        (vec!["step1".into(), "step2".into(), "step3".to_owned()], 4, 1)
    );
}

#[test]
fn an_answer_that_was_used_cannot_be_replaced() {
    let first = asks(call("steps")(&testing::context()));
    let second = asks(call("steps")(&testing::resumed(&first, [("step1", named("Ada")), ("step3", json!({}))])));
    assert_eq!(keys(&second), ["step2"]);
    assert!(!second.state.is_empty() && second.state != first.state);
    let answers = [("step1", named("Eve")), ("step2", testing::decline()), ("step3", testing::sampled("ok"))];
    assert_eq!(call("steps")(&testing::resumed(&second, answers)), Ok("Ada none 7 ok".into()));
}

#[test]
fn a_refusal_ends_the_call_where_an_answer_is_needed() {
    let first = asks(call("steps")(&testing::context()));
    let answered = |answer| call("steps")(&testing::resumed(&first, [("step1", answer)]));
    assert_eq!(answered(testing::decline()), Err(Error::failed("the user declined to answer")));
    assert_eq!(answered(testing::cancel()), Err(Error::failed("the user cancelled the question")));
    assert_eq!(Answer::Accepted(1).ok(), Some(1));
    assert!(Answer::Accepted(1).is_accepted() && !Answer::<u8>::Cancelled.is_accepted());
}

#[test]
fn questions_are_asked_together_and_the_missing_ones_again() {
    let first = asks(call("together")(&testing::context()));
    assert_eq!(keys(&first), ["user_name", "greeting", "client_roots", "page"]);
    let some = [("greeting", testing::sampled("Hi")), ("page", testing::decline()), ("client_roots", json!({}))];
    let second = asks(call("together")(&testing::resumed(&first, some)));
    assert_eq!(keys(&second), ["user_name", "client_roots"]);
    let rest = [("client_roots", testing::roots(["file:///a"])), ("user_name", named("Ada"))];
    assert_eq!(call("together")(&testing::resumed(&second, rest)), Ok("Ada Hi file:///a decline".into()));

    let mut parts = testing::call_context();
    parts.client.capabilities = ClientCapabilities::all() - ClientCapabilities::ELICITATION_URL;
    let first = asks(call("together")(&parts.into()));
    assert_eq!(keys(&first), ["user_name", "greeting", "client_roots"], "the page is not asked for");
}

#[test]
fn a_list_of_questions_may_be_made_at_run_time() {
    let run = |context: &Context| PLUGIN.call("list", r#"{"keys": ["a", "b"]}"#, context);
    let result =
        testing::converse(run, |key, _| (key == "a").then(testing::decline).or(Some(testing::accept(json!({})))));
    assert_eq!(result, Ok("decline accept".into()));
    assert_eq!(PLUGIN.call("list", r#"{"keys": []}"#, &testing::context()), Ok("".into()));
}

#[test]
fn what_a_client_lacks_is_for_the_host_to_say() {
    assert_eq!(call("needs")(&testing::context()), Ok("fine".into()));
    let lacking = |capabilities| {
        let mut parts = testing::call_context();
        parts.client.capabilities = capabilities;
        Context::from(parts)
    };
    let need = asks(call("needs")(&lacking(ClientCapabilities::SAMPLING)));
    assert!(matches!(need.requests[..], [(_, InputRequest::Roots)]), "{need:?}");
    let none = lacking(ClientCapabilities::empty());
    let need = asks(none.require(ClientCapabilities::all()));
    let kinds: Vec<_> = need.requests.iter().map(|(_, request)| std::mem::discriminant(request)).collect();
    assert_eq!(keys(&need), ["form", "url", "sampling", "tools", "roots"]);
    assert_eq!(kinds[2], kinds[3], "sampling, without and with tools");
    assert!(none.require(ClientCapabilities::empty()).is_ok());
}

#[test]
fn what_is_remembered_comes_back_changed() {
    let result = testing::converse(call("counts"), |_, _| Some(testing::accept(json!({}))));
    assert_eq!(result, Ok("3".into()));
    let context = testing::context();
    context.remember("text", "é").expect("a text");
    assert_eq!(context.recall::<String>("text").as_deref(), Some("é"));
    assert_eq!(context.recall::<u8>("text"), None);
    let other = context.clone();
    context.remember("text", "b").expect("a text");
    assert_eq!(other.recall::<String>("text").as_deref(), Some("b"), "clones know the same");
    assert_eq!(context.once::<u8>("fails", || Err(Error::failed("so"))), Err(Error::failed("so")));
    assert_eq!(context.once("fails", || Ok(1)), Ok(1));
    let (unspeakable, key) = (std::collections::BTreeMap::from([(vec![1], 1)]), "map");
    assert!(matches!(context.remember(key, &unspeakable), Err(Error::Internal(_))));
}

#[test]
fn there_is_a_limit_to_what_is_kept() {
    let error = call("hoards")(&testing::context()).expect_err("too much");
    assert!(matches!(&error, Error::Internal(message) if message.contains("16384 can be kept")), "{error:?}");
    let endless = |context: &Context| context.ask("k", toolyard_plugin::Roots);
    let error = testing::converse(endless, |_, _| None).expect_err("no end");
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
}

#[test]
fn prompts_and_resources_ask_as_tools_do() {
    let prompt = testing::converse(|context| PLUGIN.get_prompt("ask", &[], context), |_, _| Some(named("Ada")));
    assert_eq!(prompt.map(|prompt: PromptResult| prompt.messages.len()), Ok(1));
    let read = |answer: Value| {
        testing::converse(|context| PLUGIN.read("office://asks", context), move |_, _| Some(answer.clone()))
    };
    assert_eq!(read(named("Ada")).map(|contents| contents.len()), Ok(1));
    assert_eq!(read(testing::decline()), Err(Error::NotFound));
    asks(PLUGIN.list_resources(None, &testing::context()));
}

#[test]
fn changes_are_told() {
    use testing::{Change, Listing};
    let (_, told) = testing::listen(|| {
        let context = testing::context();
        context.tools_changed();
        context.prompts_changed();
        context.resources_changed();
        context.resource_updated("office://asks");
    });
    let lists = [Listing::Tools, Listing::Prompts, Listing::Resources].map(Change::List);
    assert_eq!(told.changes[..3], lists);
    assert_eq!(told.changes[3..], [Change::Resource("office://asks".into())]);
}
