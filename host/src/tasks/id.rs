//! The name of a task.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::{Deserialize, Serialize};

/// Random bytes of an id: nobody guesses 160 bits.
pub(super) const ID_BYTES: usize = 20;

/// The id of a task: 160 random bits, base64url.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Box<str>);

impl TaskId {
    /// An id of bytes that nobody else has.
    pub fn new(random: [u8; ID_BYTES]) -> Self {
        Self(BASE64URL.encode(random).into())
    }

    /// Reads what a client says is an id. `None` for what cannot be one, so that nothing else becomes a key in the store.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = BASE64URL.decode(text).ok()?;
        (bytes.len() == ID_BYTES).then(|| Self(text.into()))
    }

    /// As clients see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_reads_as_an_id() {
        let id = TaskId::new([7; ID_BYTES]);
        assert_eq!(TaskId::read(id.as_str()), Some(id.clone()));
        for bad in ["", "x", "task/1", &format!("{id}="), &format!("{id}A"), &id.as_str()[1..]] {
            assert_eq!(TaskId::read(bad), None, "{bad}");
        }
    }
}
