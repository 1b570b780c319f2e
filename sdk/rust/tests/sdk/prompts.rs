//! Prompts: descriptions, arguments, messages.

use toolyard_plugin::{Content, Error, PromptMessage, PromptResult, testing};

#[toolyard_plugin::plugin]
mod review {
    use toolyard_plugin::{Content, Context, PromptMessage, PromptResult, Result, json};

    /// Asks for a review.
    #[prompt(title = "Review", icon = "https://example.com/eye.png", meta = json!({"a": 1}))]
    pub fn review(
        context: &Context,
        /// What to review.
        #[arg(title = "The code")]
        code: &str,
        /// In which language.
        language: Option<&str>,
        #[arg(default = 3, name = "max")] findings: u8,
    ) -> String {
        format!("Review {code} in {} with {findings} findings for {}", language.unwrap_or("any"), context.tenant)
    }

    #[prompt]
    pub fn conversation() -> Vec<PromptMessage> {
        vec![PromptMessage::user("Hello"), PromptMessage::assistant(Content::image([1], "image/png"))]
    }

    #[prompt(name = "whole-result")]
    pub fn whole() -> Result<PromptResult> {
        Ok(PromptResult::new([PromptMessage::user("text")]).described("All of it."))
    }

    #[prompt]
    pub fn picture() -> Content {
        Content::image([1], "image/png")
    }

    #[prompt]
    pub fn fails(reason: String) -> Result<&'static str, String> {
        Err(reason)
    }
}

use review::PLUGIN;

fn get(prompt: &str, arguments: &[(&str, &str)]) -> Result<PromptResult, Error> {
    PLUGIN.get_prompt(prompt, arguments, &testing::context())
}

#[track_caller]
fn text(result: Result<PromptResult, Error>) -> String {
    match result.map(|result| result.messages) {
        Ok(messages) => match &messages[..] {
            [PromptMessage { content: Content::Text(text), .. }] => text.text.clone(),
            other => panic!("{other:?}"),
        },
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn a_prompt_is_described_by_its_comments_and_options() {
    let described = PLUGIN.prompts();
    let names: Vec<&str> = described.iter().map(|prompt| prompt.name.as_str()).collect();
    assert_eq!(names, ["review", "conversation", "whole-result", "picture", "fails"]);
    let review = &described[0];
    assert_eq!(review.title.as_deref(), Some("Review"));
    assert_eq!(review.description.as_deref(), Some("Asks for a review."));
    assert_eq!(review.icons[0].src, "https://example.com/eye.png");
    assert_eq!(review.meta.as_deref(), Some(r#"{"a":1}"#));
    let arguments: Vec<_> = review.arguments.iter().map(|argument| (&*argument.name, argument.required)).collect();
    assert_eq!(arguments, [("code", true), ("language", false), ("max", false)]);
    assert_eq!(review.arguments[0].title.as_deref(), Some("The code"));
    assert_eq!(review.arguments[0].description.as_deref(), Some("What to review."));
    assert_eq!(review.arguments[2].description, None);
}

#[test]
fn arguments_are_text_that_is_read_as_their_types() {
    assert_eq!(text(get("review", &[("code", "x")])), "Review x in any with 3 findings for default");
    let all = [("max", "9"), ("language", "Rust"), ("code", "é")];
    assert_eq!(text(get("review", &all)), "Review é in Rust with 9 findings for default");
    let error = get("review", &[("code", "x"), ("max", "300")]).expect_err("too many");
    assert_eq!(error, Error::invalid_arguments("`max`: number too large to fit in target type"));
    assert_eq!(get("review", &[]), Err(Error::invalid_arguments("missing argument `code`")));
    assert_eq!(get("unheard", &[]), Err(Error::internal("the plugin has no prompt `unheard`")));
}

#[test]
fn messages_are_what_the_type_says() {
    let messages = get("conversation", &[]).expect("messages").messages;
    let expected = [PromptMessage::user("Hello"), PromptMessage::assistant(Content::image([1], "image/png"))];
    assert_eq!(messages, expected);
    assert_eq!(get("whole-result", &[]).expect("a result").description.as_deref(), Some("All of it."));
    let picture = get("picture", &[]).expect("a result");
    assert_eq!(picture, PromptResult::new([PromptMessage::user(Content::image([1], "image/png"))]));
    assert_eq!(get("fails", &[("reason", "so")]), Err(Error::failed("so")));
}
