//! The plugin `fetch`: pages from the web, for models to read.

mod charset;
mod fetching;
mod html;
mod page;
mod robots;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin(wishes = "wishes.toml")]
mod fetch {
    use toolyard_plugin::{Context, Deserialize, JsonSchema, Result, Serialize, ToolResult};

    use crate::{fetching, page};

    /// How to give a page.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Format {
        /// HTML becomes Markdown; everything else stays as it is.
        Markdown,
        /// HTML becomes plain text; everything else stays as it is.
        Text,
        /// HTML without scripts and styles.
        Html,
        /// What the server sent, as text.
        Raw,
    }

    /// Fetches a page from the web and gives it as Markdown, text or an image. Long pages come in parts: where there is more, it
    /// says which `start` to call with.
    #[tool(title = "Fetch a page", read_only, idempotent, open_world)]
    pub fn fetch(
        context: &Context,
        /// The address, beginning with https:// or http://.
        url: &str,
        #[arg(default = Format::Markdown)] format: Format,
        /// How many characters to give at most, up to 200000.
        #[arg(default = 20_000)]
        max_chars: usize,
        /// The character to begin with, from 0: where an earlier part ended.
        #[arg(default = 0)]
        start: usize,
    ) -> Result<ToolResult> {
        let part = page::Part::new(start, max_chars)?;
        let fetched = fetching::fetch(context, url)?;
        page::show(fetched, format, part)
    }
}
