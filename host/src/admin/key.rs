//! The key that opens the API.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};

use crate::{
    config::{AdminSettings, KeyPlace, Secrets},
    ids::Digest,
    seal,
};

/// The file of a key that nobody configured, in the state folder.
const FILE: &str = "admin.key";

/// Random bytes of such a key.
const RANDOM_BYTES: usize = 32;

/// A shorter one could be guessed.
const CHARS_MIN: usize = 16;

/// The key, as far as it takes to tell whether somebody has it.
#[derive(Debug, Clone)]
pub struct Key(Digest);

/// The key of a host, and where it is if it was made by a host itself.
#[derive(Debug)]
pub struct Found {
    pub key: Option<Key>,
    pub file: Option<PathBuf>,
}

impl Key {
    /// Reads the key from where it is, and makes it where that is nobody else's to do. The error is a sentence for the operator.
    pub fn find(settings: &AdminSettings, secrets: &Secrets, state_dir: Option<&Path>) -> Result<Found, String> {
        let found = match &settings.key {
            KeyPlace::Secret(name) => Found { key: Some(Self::new(secrets.read(name)?.reveal())?), file: None },
            KeyPlace::File(path) => Found { key: Some(Self::read(path)?), file: None },
            KeyPlace::State => match state_dir.map(|dir| dir.join(FILE)) {
                Some(path) => Found { key: Some(Self::own(&path)?), file: Some(path) },
                None => Found { key: None, file: None },
            },
        };
        if found.key.is_none() && settings.metrics_need_key {
            return Err(
                "metrics_need_key is set, and there is no key; give `key` or `key_file`, or a state folder".into()
            );
        }
        Ok(found)
    }

    /// Whether this is it.
    pub fn is(&self, given: &str) -> bool {
        // Digests are compared, so that how long it takes tells nothing of the key.
        Digest::of(given.as_bytes()) == self.0
    }

    fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() < CHARS_MIN {
            return Err(format!("the key is shorter than {CHARS_MIN} characters; take one that nobody can guess"));
        }
        Ok(Self(Digest::of(text.as_bytes())))
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("the key in {} cannot be read: {error}", path.display()))?;
        Self::new(&text).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The key in a file of the host's own, which is made if it is not there: hosts of one machine share it.
    fn own(path: &Path) -> Result<Self, String> {
        make(path).map_err(|error| format!("the key cannot be put into {}: {error}", path.display()))?;
        let mode = fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(format!("the key in {path} can be read by others; remove the file, and a new key is made"));
        }
        Self::read(path)
    }
}

/// Makes a key in `path`, unless there is one. The file appears whole: another host may look at the same moment.
fn make(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let fresh = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = seal::random::<RANDOM_BYTES>()
        .and_then(|random| writeln!(file, "{}", BASE64URL.encode(random)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh)?;
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(settings: &AdminSettings, state_dir: Option<&Path>) -> Result<Found, String> {
        Key::find(settings, &Secrets::default(), state_dir)
    }

    #[test]
    fn a_host_makes_itself_a_key_that_others_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let found = find(&AdminSettings::default(), Some(dir.path())).unwrap();
        let path = found.file.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        let key = found.key.unwrap();
        assert!(key.is(text.trim()) && !key.is("") && !key.is(&text.trim()[1..]));
        let again = find(&AdminSettings::default(), Some(dir.path())).unwrap();
        assert!(again.key.unwrap().is(text.trim()), "it stays the same");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left there");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(find(&AdminSettings::default(), Some(dir.path())).unwrap_err().contains("can be read by others"));
    }

    #[test]
    fn without_a_place_there_is_no_key() {
        assert!(find(&AdminSettings::default(), None).unwrap().key.is_none());
        let needed = AdminSettings { metrics_need_key: true, ..AdminSettings::default() };
        assert!(find(&needed, None).unwrap_err().contains("there is no key"));
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        fs::write(&path, "secret\n").unwrap();
        let settings = AdminSettings { key: KeyPlace::File(path.clone()), ..AdminSettings::default() };
        assert!(find(&settings, None).unwrap_err().contains("shorter than 16"));
        fs::write(&path, "a-key-that-is-long-enough\n").unwrap();
        assert!(find(&settings, None).unwrap().key.unwrap().is("a-key-that-is-long-enough"));
    }
}
