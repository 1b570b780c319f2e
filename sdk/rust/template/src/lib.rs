//! The plugin {{name}}.

#[toolyard_plugin::plugin]
mod tools {
    use toolyard_plugin::log;

    /// Greets somebody.
    #[tool(read_only, idempotent, open_world = false)]
    pub fn greet(
        /// Whom to greet.
        #[arg(min_length = 1)]
        name: &str,
        /// How many times.
        #[arg(default = 1, minimum = 1, maximum = 10)]
        times: u8,
    ) -> String {
        log::info!("greeting {name}");
        vec![format!("Hello, {name}!"); times.into()].join(" ")
    }
}

#[cfg(test)]
mod tests {
    use toolyard_plugin::testing;

    use super::tools::PLUGIN;

    #[test]
    fn somebody_is_greeted() {
        let greeted = PLUGIN.call("greet", r#"{"name": "Ada", "times": 2}"#, &testing::context());
        assert_eq!(greeted.unwrap(), "Hello, Ada! Hello, Ada!".into());
    }
}
