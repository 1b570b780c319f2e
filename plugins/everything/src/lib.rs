//! The plugin `everything`: one function for each thing a plugin can do, under the names and with the answers that MCP's
//! conformance suite expects.

mod content;
mod data;
mod forms;
mod numbers;
mod rounds;
mod tasks;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin]
mod everything {
    use std::thread::sleep;
    use std::time::Duration;

    use toolyard_plugin::serde_json::Value;
    use toolyard_plugin::{
        ClientCapabilities, Completion, Confirm, Content, Context, Error, Form, PromptMessage, ResourcePage, Result,
        Roots, Sampling, ToolResult, Url, json, log,
    };

    use crate::data::{TemplateData, Weather};
    use crate::forms::{Account, Choices, Defaults, Person, Preference, Topic};
    use crate::{content, numbers, rounds, tasks};

    const PIXEL: &[u8] = include_bytes!("../assets/pixel.png");
    const SILENCE: &[u8] = include_bytes!("../assets/silence.wav");

    // Content.

    /// Says something.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn test_simple_text() -> &'static str {
        "This is a simple text response for testing."
    }

    /// Shows an image: one red pixel.
    pub fn test_image_content() -> Content {
        Content::image(PIXEL, "image/png")
    }

    /// Plays a sound: very short silence.
    pub fn test_audio_content() -> Content {
        Content::audio(SILENCE, "audio/wav")
    }

    /// Gives back a resource.
    pub fn test_embedded_resource() -> Content {
        Content::embedded_text("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    }

    /// Gives back text, an image and a resource.
    pub fn test_multiple_content_types() -> Vec<Content> {
        let data = r#"{"test":"data","value":123}"#;
        vec![
            Content::text("Multiple content types test:"),
            Content::image(PIXEL, "image/png"),
            Content::embedded_text("test://mixed-content-resource", "application/json", data),
        ]
    }

    /// Gives back content of every kind, with all that can be said about it.
    pub fn test_all_content() -> Result<ToolResult> {
        content::all(PIXEL, SILENCE)
    }

    /// Fails.
    pub fn test_error_handling() -> Result<()> {
        Err(Error::failed("This tool intentionally returns an error for testing"))
    }

    // Structured results.

    /// Gives back an object.
    #[tool(
        title = "Weather",
        read_only,
        idempotent,
        open_world = false,
        icon(src = "https://example.com/weather.svg", mime_type = "image/svg+xml", sizes = "any", theme = "light"),
        meta = json!({"example.com/example": true})
    )]
    pub fn test_structured_object(
        /// Where.
        #[arg(default = "Oslo", title = "City")]
        city: String,
    ) -> Weather {
        Weather { city, temperature: 7.5, conditions: "cloudy".into() }
    }

    /// Gives back an array.
    pub fn test_structured_array() -> Vec<Weather> {
        ["Oslo", "Rome"].into_iter().map(|city| test_structured_object(city.into())).collect()
    }

    /// Gives back a number.
    pub fn test_structured_number(a: f64, b: f64) -> f64 {
        a + b
    }

    // Schemas and headers.

    /// Takes arguments by a schema that uses much of JSON Schema 2020-12.
    #[tool(input_schema = include_str!("../assets/contact.schema.json"))]
    pub fn json_schema_2020_12_tool(#[args] arguments: Value) -> String {
        format!("JSON Schema 2020-12 tool called with: {arguments}")
    }

    /// Takes an argument that clients also send as a header.
    pub fn test_custom_header(
        /// Any text.
        #[header("Value")]
        value: &str,
    ) -> String {
        format!("Received: {value}")
    }

    // Saying something meanwhile.

    /// Reports progress three times.
    pub fn test_tool_with_progress(context: &Context) -> &'static str {
        for percent in [0, 50, 100] {
            context.progress(percent, 100, &format!("Completed step {percent} of 100"));
            sleep(Duration::from_millis(50));
        }
        "Progress reported."
    }

    /// Logs three messages.
    pub fn test_tool_with_logging() -> &'static str {
        for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            log::info!("{message}");
            sleep(Duration::from_millis(50));
        }
        "Messages logged."
    }

    /// Logs one message at each level.
    pub fn test_logging_tool() -> &'static str {
        log::debug!("A debug message");
        log::info!("An info message");
        log::warn!("A warning");
        log::error!("An error");
        "Messages logged."
    }

    /// Takes its time, and reports progress ten times a second.
    pub fn test_tool_slow(
        context: &Context,
        /// How long, in milliseconds.
        #[arg(name = "durationMs", default = 5000)]
        duration_ms: u32,
    ) -> String {
        tasks::take_time(context, duration_ms);
        format!("Done after {duration_ms} ms.")
    }

    /// Answers at once.
    pub fn test_tool_fast() -> &'static str {
        "Done."
    }

    /// Answers after half a second, in which the connection may break.
    pub fn test_reconnection() -> &'static str {
        sleep(Duration::from_millis(500));
        "Reconnection test completed."
    }

    // Changes.

    /// Tells clients that the list of tools has changed.
    pub fn test_trigger_tool_change(context: &Context) -> &'static str {
        context.tools_changed();
        "Told."
    }

    /// Tells clients that the list of prompts has changed.
    pub fn test_trigger_prompt_change(context: &Context) -> &'static str {
        context.prompts_changed();
        "Told."
    }

    /// Tells clients that the list of resources has changed.
    pub fn test_trigger_resource_change(context: &Context) -> &'static str {
        context.resources_changed();
        "Told."
    }

    /// Tells clients that the watched resource has changed.
    pub fn test_update_watched_resource(context: &Context) -> &'static str {
        context.resource_updated("test://watched-resource");
        "Told."
    }

    // Asking.

    /// Asks the client's model.
    pub fn test_sampling(
        context: &Context,
        /// What to ask.
        prompt: &str,
    ) -> Result<String> {
        let answer = context.sample("answer", Sampling::new(prompt).max_tokens(100))?;
        Ok(format!("LLM response: {}", answer.text()))
    }

    /// Asks the client's model, and offers it a tool.
    pub fn test_sampling_with_tools(
        context: &Context,
        /// Where.
        #[arg(default = "Oslo")]
        city: &str,
    ) -> Result<String> {
        rounds::sample_with_tools(context, city)
    }

    /// Asks the user for a name and an address.
    pub fn test_elicitation(
        context: &Context,
        /// What to say about it.
        message: &str,
    ) -> Result<String> {
        rounds::told(context, "User response", Form::<Account>::new(message))
    }

    /// Asks the user to fill in a form that is filled in already.
    pub fn test_elicitation_sep1034_defaults(context: &Context) -> Result<String> {
        rounds::told(context, "Elicitation completed", Form::<Defaults>::new("Please check what we know about you."))
    }

    /// Asks the user to choose, in five ways.
    pub fn test_elicitation_sep1330_enums(context: &Context) -> Result<String> {
        rounds::told(context, "Elicitation completed", Form::<Choices>::new("Please choose."))
    }

    /// Asks the user to open a page.
    pub fn test_elicitation_sep1036_url(context: &Context) -> Result<String> {
        let page = Url::new("Please sign in.", "https://example.com/sign-in");
        let action = context.ask("sign_in", page)?.action();
        Ok(format!("URL elicitation completed: action={action}"))
    }

    /// Asks the user for a yes or no, if the client can.
    pub fn test_streaming_elicitation(context: &Context) -> Result<String> {
        if !context.client_can(ClientCapabilities::ELICITATION_FORM) {
            return Ok("There is nobody to ask.".into());
        }
        Ok(format!("The user said: {}", context.ask("sure", Confirm::new("Are you sure?"))?.action()))
    }

    /// Needs a client with a model, and then does not ask it.
    pub fn test_missing_capability(context: &Context) -> Result<&'static str> {
        context.require(ClientCapabilities::SAMPLING)?;
        Ok("The client has a model.")
    }

    /// Asks the user for a name.
    pub fn test_input_required_result_elicitation(context: &Context) -> Result<String> {
        let person = context.ask("user_name", Form::<Person>::new("What is your name?"))?.accepted()?;
        Ok(format!("Hello, {}!", person.name))
    }

    /// Asks the client's model for the capital of France.
    pub fn test_input_required_result_sampling(context: &Context) -> Result<String> {
        let question = Sampling::new("What is the capital of France?").max_tokens(100);
        Ok(format!("The model says: {}", context.sample("capital_question", question)?.text()))
    }

    /// Asks the client for the folders it works in.
    pub fn test_input_required_result_list_roots(context: &Context) -> Result<String> {
        Ok(format!("Roots: {}", rounds::uris(&context.roots("client_roots")?)))
    }

    /// Asks for a confirmation, and remembers that it did.
    pub fn test_input_required_result_request_state(context: &Context) -> Result<&'static str> {
        rounds::confirm_with_state(context)?;
        Ok("state-ok")
    }

    /// Asks for a confirmation, and refuses to go on with anything but what it remembers.
    pub fn test_input_required_result_tampered_state(context: &Context) -> Result<&'static str> {
        rounds::confirm_with_state(context)?;
        Ok("state-ok")
    }

    /// Asks the user, the client's model and the client, all at once.
    pub fn test_input_required_result_multiple_inputs(context: &Context) -> Result<String> {
        context.remember("tool", "multiple_inputs")?;
        let (person, greeting, roots) = context.ask_all((
            ("user_name", Form::<Person>::new("What is your name?")),
            ("greeting", Sampling::new("Generate a greeting").max_tokens(100)),
            ("client_roots", Roots),
        ))?;
        Ok(format!("{} {} in {}", greeting.text(), person.accepted()?.name, rounds::uris(&roots)))
    }

    /// Asks the user one thing, and then another.
    pub fn test_input_required_result_multi_round(context: &Context) -> Result<String> {
        context.remember("tool", "multi_round")?;
        let person = context.ask("step1", Form::<Person>::new("Step 1: What is your name?"))?.accepted()?;
        let question = Form::<Preference>::new("Step 2: What is your favorite color?");
        let preference = context.ask("step2", question)?.accepted()?;
        Ok(format!("{} likes {}.", person.name, preference.color))
    }

    /// Asks for whatever the client can be asked for.
    pub fn test_input_required_result_capabilities(context: &Context) -> Result<String> {
        rounds::ask_what_can_be_asked(context)
    }

    // Tasks. The operator says of `failing_job`, `confirm_delete` and `multi_input` that they are nothing else.

    /// Greets somebody, at once.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn greet(
        /// Whom.
        name: &str,
    ) -> String {
        format!("Hello, {name}!")
    }

    /// Computes for as long as it is told, and says how far it is.
    #[tool(long_running, read_only, idempotent, open_world = false)]
    pub fn slow_compute(
        context: &Context,
        /// How long.
        seconds: f64,
        /// What for.
        label: &str,
    ) -> String {
        tasks::compute(context, seconds, label);
        format!("Computed {label} for {seconds} s.")
    }

    /// Works for a moment, and then says that it failed.
    pub fn failing_job() -> Result<()> {
        sleep(Duration::from_secs(1));
        Err(Error::failed("The job failed, as it always does."))
    }

    /// Works for a moment, and then breaks.
    #[tool(long_running)]
    pub fn protocol_error_job() -> Result<()> {
        sleep(Duration::from_millis(200));
        Err(Error::internal("the job broke, as it always does"))
    }

    /// Deletes nothing, but asks first.
    #[tool(long_running, destructive)]
    pub fn confirm_delete(
        context: &Context,
        /// What not to delete.
        filename: &str,
    ) -> Result<String> {
        tasks::confirm_deletion(context, filename)
    }

    /// Asks for two things at once.
    #[tool(long_running)]
    pub fn multi_input(context: &Context) -> Result<String> {
        tasks::ask_two_things(context)
    }

    /// Asks for a name, and then takes so long that it becomes a task where it may.
    pub fn test_tool_with_task(context: &Context) -> Result<String> {
        let person = context.ask("user_name", Form::<Person>::new("What is your name?"))?.accepted()?;
        sleep(Duration::from_secs(1));
        Ok(format!("Done, {}.", person.name))
    }

    // Resources.

    /// A text that never changes.
    #[resource(uri = "test://static-text", name = "Static text", mime_type = "text/plain", size = 48)]
    pub fn static_text() -> &'static str {
        "This is the content of the static text resource."
    }

    /// An image that never changes.
    #[resource(
        uri = "test://static-binary",
        name = "Static image",
        mime_type = "image/png",
        audience = "user",
        priority = 0.3
    )]
    pub fn static_binary() -> &'static [u8] {
        PIXEL
    }

    /// A text that clients can subscribe to.
    #[resource(uri = "test://watched-resource", name = "Watched text", mime_type = "text/plain")]
    pub fn watched_resource() -> &'static str {
        "This resource can be watched."
    }

    /// Data for any id.
    #[resource(uri_template = "test://template/{id}/data", name = "Data by id", mime_type = "application/json")]
    pub fn template_data(id: String) -> TemplateData {
        TemplateData { data: format!("Data for ID: {id}"), id, template_test: true }
    }

    /// A number, in words.
    #[resource(prefix = "test://numbers/", mime_type = "text/plain")]
    pub fn number(uri: &str) -> Option<String> {
        numbers::in_words(uri)
    }

    /// Lists the numbers.
    #[resources]
    pub fn list_numbers(cursor: Option<&str>) -> Result<ResourcePage> {
        numbers::page(cursor)
    }

    /// Asks the user before it is read.
    #[resource(uri_template = "test://locked/{door}", name = "Locked", mime_type = "text/plain")]
    pub fn locked(context: &Context, door: &str) -> Result<Option<String>> {
        let answer = context.ask("open", Confirm::new(format!("Open door {door}?")))?;
        Ok(answer.ok().map(|()| format!("Behind door {door} there is a goat.")))
    }

    // Prompts and completions.

    /// Says something.
    #[prompt]
    pub fn test_simple_prompt() -> &'static str {
        "This is a simple prompt for testing."
    }

    /// Says what it was given.
    #[prompt(title = "Prompt with arguments", icon = "https://example.com/prompt.png")]
    pub fn test_prompt_with_arguments(
        /// The first.
        #[arg(title = "First")]
        arg1: &str,
        /// The second.
        arg2: &str,
    ) -> String {
        format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
    }

    /// Suggests words.
    #[complete(prompt = "test_prompt_with_arguments", argument = "arg1")]
    pub fn first_argument(value: &str) -> Completion {
        Completion::starting_with(value, ["test", "testValue1", "testing", "other"])
    }

    /// Suggests what goes with the first argument.
    #[complete(prompt = "test_prompt_with_arguments", argument = "arg2")]
    pub fn second_argument(value: &str, arg1: Option<&str>) -> Completion {
        let candidates = ["testValue2".to_owned(), format!("after-{}", arg1.unwrap_or("nothing"))];
        Completion::starting_with(value, candidates)
    }

    /// Suggests ids.
    #[complete(uri_template = "test://template/{id}/data", argument = "id")]
    pub fn ids(value: &str) -> Completion {
        Completion::starting_with(value, (1..=150).map(|id: u32| id.to_string()))
    }

    /// Shows a resource.
    #[prompt]
    pub fn test_prompt_with_embedded_resource(
        /// Its URI.
        #[arg(name = "resourceUri")]
        resource_uri: &str,
    ) -> Vec<PromptMessage> {
        let contents = "Embedded resource content for testing.";
        vec![
            PromptMessage::user(Content::embedded_text(resource_uri, "text/plain", contents)),
            PromptMessage::user("Please process the embedded resource above."),
        ]
    }

    /// Shows an image.
    #[prompt]
    pub fn test_prompt_with_image() -> Vec<PromptMessage> {
        vec![
            PromptMessage::user(Content::image(PIXEL, "image/png")),
            PromptMessage::user("Please analyze the image above."),
        ]
    }

    /// Asks the user what it is about.
    #[prompt]
    pub fn test_input_required_result_prompt(context: &Context) -> Result<Vec<PromptMessage>> {
        let topic =
            context.ask("user_context", Form::<Topic>::new("What context should the prompt use?"))?.accepted()?;
        Ok(vec![
            PromptMessage::user(format!("Use this context: {}", topic.context)),
            PromptMessage::assistant("I will."),
        ])
    }
}
