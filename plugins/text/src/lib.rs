//! The plugin `text`: searches, replaces, compares, hashes, encodes and decodes text.

mod code;
mod diff;
mod digest;
mod html;
mod pattern;

#[cfg(test)]
mod tests;

#[toolyard_plugin::plugin]
mod text {
    use std::collections::BTreeMap;

    use toolyard_plugin::{Deserialize, JsonSchema, Result, Serialize};

    use crate::pattern::Pattern;
    use crate::{code, diff, digest};

    /// What was found.
    #[derive(Debug, Serialize, JsonSchema)]
    pub struct Found {
        pub matches: Vec<Match>,
        /// Whether there are more matches than `limit`.
        pub more: bool,
    }

    /// One match.
    #[derive(Debug, Serialize, JsonSchema)]
    pub struct Match {
        /// What matched.
        pub text: String,
        /// The line it begins on, from 1.
        pub line: usize,
        /// The character of that line it begins at, from 1.
        pub column: usize,
        /// The character of the whole text it begins at, from 0.
        pub start: usize,
        /// The character of the whole text after its last.
        pub end: usize,
        /// What the pattern's groups matched, the first group first. `null`: the group took no part.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub groups: Vec<Option<String>>,
        /// What the pattern's named groups matched.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub named: BTreeMap<String, String>,
    }

    /// A text in which something was replaced.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Replaced {
        pub text: String,
        /// How often.
        pub replacements: usize,
    }

    /// How two texts differ.
    #[derive(Debug, PartialEq, Serialize, JsonSchema)]
    pub struct Difference {
        /// The unified diff. Empty where the texts are the same.
        pub diff: String,
        /// How many lines only `new` has.
        pub added: usize,
        /// How many lines only `old` has.
        pub removed: usize,
    }

    /// A hash function.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Algorithm {
        Sha256,
        Sha512,
        Sha1,
        Md5,
        Blake3,
        Crc32,
    }

    /// A way to write text in other characters.
    #[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Format {
        /// RFC 4648, with padding.
        Base64,
        /// RFC 4648 for URLs and file names, without padding.
        Base64url,
        /// Two hexadecimal digits for each byte.
        Hex,
        /// Percent-encoding of everything but letters, digits, `-`, `_`, `.` and `~`.
        Url,
        /// `&amp;`, `&lt;`, `&gt;`, `&quot;` and `&#39;`. Decoding knows numeric references and the most common names.
        Html,
    }

    /// A way to write bytes as a string.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Bytes {
        /// The bytes are text in UTF-8.
        Text,
        Hex,
        Base64,
    }

    /// Finds all places in a text that match a regular expression.
    #[tool(title = "Search text", read_only, idempotent, open_world = false)]
    pub fn search(
        /// Where to look.
        text: &str,
        /// The regular expression, in RE2's syntax: no look-around and no backreferences.
        pattern: &str,
        /// `i`: whatever the case; `m`: `^` and `$` match at each line; `s`: `.` matches line breaks; `x`: blanks and comments are
        /// allowed in the pattern.
        #[arg(default = "")]
        flags: &str,
        /// Takes the pattern as plain text.
        #[arg(default = false)]
        literal: bool,
        /// How many matches to give at most.
        #[arg(default = 100)]
        limit: usize,
    ) -> Result<Found> {
        Ok(Pattern::new(pattern, flags, literal)?.search(text, limit))
    }

    /// Replaces what matches a regular expression.
    #[tool(title = "Replace in text", read_only, idempotent, open_world = false)]
    pub fn replace(
        /// Where to replace.
        text: &str,
        /// The regular expression, in RE2's syntax: no look-around and no backreferences.
        pattern: &str,
        /// What to put in its place. `$1` or `${name}` is what a group matched, `$0` the whole match, `$$` a `$`. With `literal` it
        /// is plain text.
        replacement: &str,
        /// `i`: whatever the case; `m`: `^` and `$` match at each line; `s`: `.` matches line breaks; `x`: blanks and comments are
        /// allowed in the pattern.
        #[arg(default = "")]
        flags: &str,
        /// Takes the pattern and the replacement as plain text.
        #[arg(default = false)]
        literal: bool,
        /// How many matches to replace at most, from the start. Without it: all.
        limit: Option<usize>,
    ) -> Result<Replaced> {
        Pattern::new(pattern, flags, literal)?.replace(text, replacement, limit.unwrap_or(usize::MAX))
    }

    /// Compares two texts line by line.
    #[tool(title = "Compare texts", read_only, idempotent, open_world = false)]
    pub fn diff(
        old: &str,
        new: &str,
        /// How many lines to show around each change.
        #[arg(default = 3)]
        context: usize,
        /// What to call the old text.
        #[arg(default = "old")]
        old_name: &str,
        /// What to call the new text.
        #[arg(default = "new")]
        new_name: &str,
    ) -> Difference {
        diff::unified(old, new, context, [old_name, new_name])
    }

    /// Hashes a text, and gives the hash in hexadecimal digits.
    #[tool(title = "Hash", read_only, idempotent, open_world = false)]
    pub fn hash(
        text: &str,
        /// The hash function. `sha1`, `md5` and `crc32` are for comparing with what others made, not for security.
        #[arg(default = Algorithm::Sha256)]
        algorithm: Algorithm,
        /// What `text` is.
        #[arg(default = Bytes::Text)]
        input: Bytes,
    ) -> Result<String> {
        Ok(digest::hex(algorithm, &code::bytes(text, input)?))
    }

    /// Writes a text in other characters.
    #[tool(title = "Encode text", read_only, idempotent, open_world = false)]
    pub fn encode(
        text: &str,
        format: Format,
        /// What `text` is.
        #[arg(default = Bytes::Text)]
        input: Bytes,
    ) -> Result<String> {
        code::encode(&code::bytes(text, input)?, format)
    }

    /// Gives back the text that was encoded.
    #[tool(title = "Decode text", read_only, idempotent, open_world = false)]
    pub fn decode(
        text: &str,
        format: Format,
        /// What to give. `hex` and `base64` are for bytes that are not text.
        #[arg(default = Bytes::Text)]
        output: Bytes,
    ) -> Result<String> {
        code::written(code::decode(text, format)?, output)
    }
}
