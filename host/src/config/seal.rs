//! `[seal]`: the keys that seal what clients keep for the host.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;
use crate::seal::{KEY_BYTES, KeyRing};

/// `[seal]`: the same on all hosts that serve the same clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenSeal {
    /// The first seals, all open: put a new one in front to rotate.
    pub keys: Vec<WrittenKey>,
}

/// `[[seal.keys]]`: an id, and 32 bytes in base64 or in a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenKey {
    /// 1 to 16 letters, digits and `-`; stands in front of what is sealed.
    pub id: String,
    /// 32 bytes in base64.
    #[schemars(extend("writeOnly" = true))]
    pub secret: Option<String>,
    /// A file that holds the same.
    pub file: Option<PathBuf>,
}

impl WrittenSeal {
    pub(super) fn usable(self, base: &Path) -> Result<KeyRing, ConfigError> {
        let keys = self.keys.into_iter().map(|key| key.usable(base)).collect::<Result<Vec<_>, _>>()?;
        KeyRing::new(&keys).map_err(|reason| ConfigError::new(format!("[seal] keys: {reason}")))
    }
}

impl WrittenKey {
    fn usable(self, base: &Path) -> Result<(String, [u8; KEY_BYTES]), ConfigError> {
        let wrong = |reason: String| ConfigError::new(format!("[[seal.keys]] `{}`: {reason}", self.id));
        let text = match (self.secret, self.file) {
            (Some(secret), None) => secret,
            (None, Some(file)) => {
                let path = base.join(file);
                fs::read_to_string(&path)
                    .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?
            }
            _ => return Err(wrong("give either `secret` or `file`".into())),
        };
        let bytes = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| {
            wrong(format!("must be {KEY_BYTES} bytes in base64, such as `openssl rand -base64 {KEY_BYTES}` prints"))
        })?;
        Ok((self.id, bytes))
    }
}
