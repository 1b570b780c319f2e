//! What several functions do in rounds with the client.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toolyard_plugin::{
    Answer, ClientCapabilities, Context, Error, Form, Result, Root, Roots, Sampling, SamplingTool, serde_json,
};

use crate::forms::{Confirmation, Person};

/// Tells what the user made of a form.
pub(crate) fn told<T: Serialize + DeserializeOwned>(context: &Context, what: &str, form: Form<T>) -> Result<String> {
    let answer = context.ask("form", form)?;
    let action = answer.action();
    let content = match &answer {
        Answer::Accepted(content) => serde_json::to_string(content)?,
        Answer::Declined | Answer::Cancelled => "{}".into(),
    };
    Ok(format!("{what}: action={action}, content={content}"))
}

/// Asks for a confirmation, and makes sure that what it kept meanwhile is still there.
pub(crate) fn confirm_with_state(context: &Context) -> Result<()> {
    const KEPT: &str = "from the first round";
    let kept: Option<String> = context.recall("kept");
    context.remember("kept", KEPT)?;
    let confirmation = context.ask("confirm", Form::<Confirmation>::new("Please confirm."))?.accepted()?;
    match (kept.as_deref(), confirmation.ok) {
        (Some(KEPT), true) => Ok(()),
        (Some(KEPT), false) => Err(Error::failed("the user did not confirm")),
        _ => Err(Error::failed("the answer came without the state")),
    }
}

/// The folders' URIs.
pub(crate) fn uris(roots: &[Root]) -> String {
    roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join(", ")
}

/// Asks for whatever the client can be asked for, all at once.
pub(crate) fn ask_what_can_be_asked(context: &Context) -> Result<String> {
    let if_able = |capability| context.client_can(capability);
    let (person, greeting, roots) = context.ask_all((
        ("user_name", if_able(ClientCapabilities::ELICITATION_FORM).then(|| Form::<Person>::new("What is your name?"))),
        (
            "greeting",
            if_able(ClientCapabilities::SAMPLING).then(|| Sampling::new("Generate a greeting").max_tokens(100)),
        ),
        ("client_roots", if_able(ClientCapabilities::ROOTS).then_some(Roots)),
    ))?;
    let greeting = greeting.map_or("Hello".into(), |greeting| greeting.text());
    let name = person.and_then(|answer| answer.ok()).map_or("whoever you are".into(), |person| person.name);
    Ok(format!("{greeting}, {name}, in {}", roots.map_or("no folder".into(), |roots| uris(&roots))))
}

/// What the model's tool takes.
#[derive(Deserialize, JsonSchema)]
struct Place {
    city: String,
}

/// How often the model may use the tool before it has to say something.
const ROUNDS_MAX: usize = 5;

/// Lets the model find out about the weather, with a tool that this plugin has for it.
pub(crate) fn sample_with_tools(context: &Context, city: &str) -> Result<String> {
    let weather = SamplingTool::new::<Place>("weather", "Says what the weather is like in a city.");
    let mut request = Sampling::new(format!("What is the weather like in {city}?")).max_tokens(100).tool(weather);
    for round in 1..=ROUNDS_MAX {
        let answer = context.sample(&format!("round{round}"), request.clone())?;
        let results: Vec<_> = answer
            .tool_uses()
            .map(|tool_use| match tool_use.arguments::<Place>() {
                Ok(place) => tool_use.result(format!("It rains in {}.", place.city)),
                Err(error) => tool_use.error(error.message()),
            })
            .collect();
        if results.is_empty() {
            return Ok(format!("LLM response: {}", answer.text()));
        }
        request = request.continued(&answer, results);
    }
    Err(Error::failed(format_args!("the model used the tool {ROUNDS_MAX} times and said nothing")))
}
