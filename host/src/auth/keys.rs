//! API keys: who has one stands in a file that the host reads and `toolyard keys` writes, and that holds no key.
//!
//! A key is `ty_ID_SECRET`. Its secret is 256 random bits, so a plain SHA-256 hides it: slow hashes protect what people make up and
//! others can guess. The file has one JSON object a line, and a line is a key.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::principal::{ANONYMOUS, By, Principal};
use crate::{
    clock,
    config::is_scope,
    ids::{self, TenantId},
    seal,
};

/// What keys begin with, so that a scanner that finds one in a repository knows what it found.
pub const PREFIX: &str = "ty_";

const SECRET_BYTES: usize = 32;

/// In an id that nobody chose.
const ID_BYTES: usize = 5;

/// A line of the file: everything about a key but the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub id: String,
    /// `sha256:` and the hash of the whole key.
    pub hash: String,
    #[serde(default)]
    pub tenant: TenantId,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// From when on it is no key any more, such as `2027-01-31T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The keys as the host knows them.
#[derive(Debug, Default)]
pub struct ApiKeys {
    by_id: HashMap<String, Known>,
}

#[derive(Debug, PartialEq)]
struct Known {
    hash: [u8; 32],
    expires_s: Option<u64>,
    principal: Arc<Principal>,
}

impl Entry {
    /// A new key: what stands in the file, and the key itself, which stands nowhere.
    pub fn mint(id: Option<String>, tenant: TenantId, subject: String, now_s: u64) -> io::Result<(Self, String)> {
        let id = match id {
            Some(id) => id,
            None => hex(&seal::random::<ID_BYTES>()?),
        };
        let key = format!("{PREFIX}{id}_{}", hex(&seal::random::<SECRET_BYTES>()?));
        let entry = Self {
            hash: format!("sha256:{}", hex(&hash(&key))),
            id,
            tenant,
            subject,
            scopes: Vec::new(),
            groups: Vec::new(),
            created: Some(clock::to_text(now_s)),
            expires: None,
        };
        Ok((entry, key))
    }

    /// When it ends, in seconds since 1970.
    pub fn expires_s(&self) -> Option<u64> {
        self.expires.as_deref().and_then(clock::from_text)
    }

    /// What is wrong with it, if anything is.
    pub fn check(&self) -> Result<(), String> {
        ids::check_name(&self.id).map_err(|error| format!("id: {error}"))?;
        if self.subject.is_empty() || self.subject == ANONYMOUS {
            return Err(format!("subject: a caller with a key has a name, and it is not `{ANONYMOUS}`"));
        }
        if let Some(wrong) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(format!("scopes: `{wrong}` is no scope: it may hold no space and no quote"));
        }
        if self.expires.is_some() && self.expires_s().is_none() {
            return Err("expires: write a date such as 2027-01-31 or 2027-01-31T12:00:00Z, in UTC".into());
        }
        unhex(&self.hash).map(|_| ()).ok_or_else(|| "hash: it must be sha256: and 64 hexadecimal digits".into())
    }

    fn known(&self) -> Option<Known> {
        let principal = Principal {
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            scopes: self.scopes.clone(),
            groups: self.groups.clone(),
            client: None,
            by: By::Key(self.id.clone()),
        };
        Some(Known { hash: unhex(&self.hash)?, expires_s: self.expires_s(), principal: Arc::new(principal) })
    }
}

/// Reads the file's lines. The error says which one is wrong and why.
pub fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let wrong = |line: usize, reason: String| format!("{}:{}: {reason}", path.display(), line + 1);
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{}: there is no such file; `toolyard keys add` makes it", path.display()),
        _ => format!("{} cannot be read: {error}", path.display()),
    })?;
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // Nothing of the line: whoever put a key there by mistake would read it in the log.
        let entry: Entry = serde_json::from_str(line)
            .map_err(|error| wrong(number, format!("this is no key's line (column {})", error.column())))?;
        entry.check().map_err(|reason| wrong(number, reason))?;
        if entries.iter().any(|other| other.id == entry.id) {
            return Err(wrong(number, format!("the id `{}` stands there twice", entry.id)));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Changes the file: `change` gets what stands there (nothing, if there is no file), and what it leaves is written, whole or not at
/// all. Others who change it at the same time wait.
pub fn update<T>(path: &Path, change: impl FnOnce(&mut Vec<Entry>) -> Result<T, String>) -> Result<T, String> {
    let wrong = |error: io::Error| format!("{} cannot be written: {error}", path.display());
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        name
    };
    let lock = File::create(beside(".lock")).map_err(wrong)?;
    lock.lock().map_err(wrong)?;
    let mut entries = if path.exists() { read(path)? } else { Vec::new() };
    let changed = change(&mut entries)?;
    let fresh = beside(".new");
    let mut file = File::create(&fresh).map_err(wrong)?;
    for entry in &entries {
        entry.check()?;
        let line = serde_json::to_string(entry).map_err(|error| wrong(error.into()))?;
        writeln!(file, "{line}").map_err(wrong)?;
    }
    file.sync_all().map_err(wrong)?;
    fs::rename(&fresh, path).map_err(wrong)?;
    Ok(changed)
}

impl ApiKeys {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let known = entries.iter().filter_map(|entry| Some((entry.id.clone(), entry.known()?)));
        Self { by_id: known.collect() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// What became of which key since `before`.
    pub(super) fn changes<'a>(&'a self, before: &'a Self) -> Vec<(&'static str, &'a str)> {
        let here = self.by_id.iter().filter_map(|(id, key)| match before.by_id.get(id) {
            None => Some(("added", id.as_str())),
            Some(old) => (old != key).then_some(("changed", id.as_str())),
        });
        let gone = before.by_id.keys().filter(|id| !self.by_id.contains_key(*id)).map(|id| ("removed", id.as_str()));
        let mut changes: Vec<_> = here.chain(gone).collect();
        changes.sort_unstable();
        changes
    }

    /// Whose key that is. Says nothing about why it is nobody's.
    pub(super) fn find(&self, key: &str, now_s: u64) -> Option<Arc<Principal>> {
        let (id, _) = key.strip_prefix(PREFIX)?.rsplit_once('_')?;
        let shown = hash(key);
        // An unknown id takes as long as a wrong secret.
        let (expected, known) = match self.by_id.get(id) {
            Some(known) => (&known.hash, Some(known)),
            None => (&[0; 32], None),
        };
        let is_it = equal(expected, &shown);
        let known = known.filter(|_| is_it)?;
        known.expires_s.is_none_or(|expires| now_s < expires).then(|| Arc::clone(&known.principal))
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Looks at every byte, however many are equal.
fn equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (one, other)| difference | (one ^ other));
    std::hint::black_box(difference) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hash: &str) -> Option<[u8; 32]> {
    let digits = hash.strip_prefix("sha256:").filter(|digits| digits.len() == 64 && digits.is_ascii())?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn minted(id: &str) -> (Entry, String) {
        Entry::mint(Some(id.into()), "acme".parse().unwrap(), "ci".into(), NOW).unwrap()
    }

    #[test]
    fn a_key_is_its_owners() {
        let (mut entry, key) = minted("build_1");
        entry.scopes = vec!["a".into()];
        let keys = ApiKeys::new(&[entry, minted("other").0]);
        let found = keys.find(&key, NOW).unwrap();
        assert_eq!(
            (found.tenant.as_str(), found.subject.as_str(), &found.by),
            ("acme", "ci", &By::Key("build_1".into()))
        );
        assert_eq!(found.scopes, ["a"]);
        let last = key.chars().last().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        let changed = format!("{}{other}", &key[..key.len() - 1]);
        for wrong in [
            changed.as_str(),
            &key.replace("build", "other"),
            &key.to_uppercase(),
            &key[..key.len() - 1],
            "ty_",
            "ty_build_1_",
            "x",
        ] {
            assert_eq!(keys.find(wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_ends() {
        let (mut entry, key) = minted("a");
        entry.expires = Some(clock::to_text(NOW));
        let keys = ApiKeys::new(&[entry]);
        assert!(keys.find(&key, NOW - 1).is_some());
        assert!(keys.find(&key, NOW).is_none());
    }

    #[test]
    fn the_file_holds_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.jsonl");
        let key = update(&path, |entries| {
            let (entry, key) = minted("a");
            entries.push(entry);
            Ok(key)
        });
        let key = key.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let secret = key.rsplit_once('_').unwrap().1;
        assert!(!text.contains(secret) && text.contains("sha256:"), "{text}");
        let keys = ApiKeys::new(&read(&path).unwrap());
        assert!(keys.find(&key, NOW).is_some());
        assert!(!format!("{keys:?}").contains(secret));
        // A change that fails changes nothing.
        assert!(
            update(&path, |entries| -> Result<(), String> {
                entries.clear();
                Err("no".into())
            })
            .is_err()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_broken_line_is_named_and_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.jsonl");
        let good = serde_json::to_string(&minted("a").0).unwrap();
        for (line, reason) in [
            ("ty_secret", ":2: this is no key's line"),
            (good.as_str(), ":2: the id `a` stands there twice"),
            (&good.replace("\"a\"", "\"a b\""), ":2: id: `a b` is not a legal name"),
            (&good.replace("\"a\"", "\"b\"").replace("sha256:", "md5:"), ":2: hash:"),
            (&good.replace("\"a\"", "\"b\"").replace("\"ci\"", "\"anonymous\""), ":2: subject:"),
            (&good.replace("\"a\"", "\"b\"").replace("}", ",\"expires\":\"soon\"}"), ":2: expires:"),
            (&good.replace("\"a\"", "\"b\"").replace("}", ",\"scope\":[]}"), ":2: this is no key's line"),
        ] {
            fs::write(&path, format!("{good}\n{line}\n")).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains(reason) && !error.contains("secret"), "{line}: {error}");
        }
        assert!(read(&dir.path().join("none")).unwrap_err().contains("toolyard keys add"));
    }
}
