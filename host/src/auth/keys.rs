//! API keys: who has one stands in a file that the host reads and `toolyard keys` writes, and that holds no key.
//!
//! A key is `ty_ID_SECRET`. Its secret is 256 random bits, so a plain SHA-256 hides it: slow hashes protect what people make up and
//! others can guess. The file has one JSON object a line, and a line is a key.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::principal::{ANONYMOUS, By, Principal};
use crate::{
    clock,
    config::{ScopeTree, is_scope},
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

/// Keys that were taken away and are still known as such.
const REVOKED_MAX: usize = 1000;

/// The keys as the host knows them.
#[derive(Debug, Default)]
pub struct ApiKeys {
    by_id: HashMap<String, Arc<Known>>,
    /// Those that the host has seen, and that are none any more: whoever goes on using one is named in the trail.
    revoked: HashMap<String, Arc<Known>>,
}

/// Why something is no key.
#[derive(Debug, PartialEq)]
pub(super) enum NoKey {
    Unknown,
    /// It was this one's until it ended.
    Expired(Arc<Principal>),
    /// It was this one's until it was taken away.
    Revoked(Arc<Principal>),
}

#[derive(Debug, PartialEq)]
pub(super) struct Known {
    hash: [u8; 32],
    expires_s: Option<u64>,
    pub(super) principal: Arc<Principal>,
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
        if [&self.subject].into_iter().chain(&self.groups).any(|name| name.contains(char::is_control)) {
            return Err("subject and groups: a name has no line break and the like in it".into());
        }
        if let Some(wrong) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(format!("scopes: `{wrong}` is no scope: it may hold no space and no quote"));
        }
        if self.expires.is_some() && self.expires_s().is_none() {
            return Err("expires: write a date such as 2027-01-31 or 2027-01-31T12:00:00Z, in UTC".into());
        }
        unhex(&self.hash).map(|_| ()).ok_or_else(|| "hash: it must be sha256: and 64 hexadecimal digits".into())
    }

    fn known(&self, includes: &ScopeTree) -> Option<Known> {
        let principal = Principal {
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            scopes: includes.widen(self.scopes.clone()),
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
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let lock = File::create(beside).map_err(wrong)?;
    lock.lock().map_err(wrong)?;
    let mut entries = if path.exists() { read(path)? } else { Vec::new() };
    let changed = change(&mut entries)?;
    entries.iter().try_for_each(Entry::check)?;
    write(path, &entries).map_err(wrong)?;
    Ok(changed)
}

/// Puts these lines into the file, all or none.
pub(super) fn write(path: &Path, entries: &[Entry]) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    // Hosts of one machine may write what they remember at the same moment.
    fresh.push(format!(".{}.new", std::process::id()));
    let mut file = File::create(&fresh)?;
    for entry in entries {
        writeln!(file, "{}", serde_json::to_string(entry)?)?;
    }
    keep_private(&file, path);
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// Lets the same people read a file as the one whose place it takes. Where it cannot be given to that one's owner, who has to be able
/// to read it, it stays as files of this user's are.
fn keep_private(fresh: &File, path: &Path) {
    let Ok(old) = fs::metadata(path) else { return };
    if std::os::unix::fs::fchown(fresh, Some(old.uid()), Some(old.gid())).is_ok() {
        let _ = fresh.set_permissions(old.permissions());
    }
}

impl ApiKeys {
    pub(super) fn new(entries: &[Entry], includes: &ScopeTree) -> Self {
        let known = entries.iter().filter_map(|entry| Some((entry.id.clone(), Arc::new(entry.known(includes)?))));
        Self { by_id: known.collect(), revoked: HashMap::new() }
    }

    /// The same, which knows of those before them that are none any more.
    pub(super) fn after(mut self, before: &Self) -> Self {
        let gone = before.by_id.iter().chain(&before.revoked).filter(|(id, _)| !self.by_id.contains_key(*id));
        self.revoked = gone.take(REVOKED_MAX).map(|(id, known)| (id.clone(), Arc::clone(known))).collect();
        self
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

    /// Whose key that is. Whose it was is told of a key that is right in every letter, and only for the trail.
    pub(super) fn find(&self, key: &str, now_s: u64) -> Result<Arc<Known>, NoKey> {
        let id = key.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('_'));
        let (id, _) = id.ok_or(NoKey::Unknown)?;
        let shown = hash(key);
        let (known, is_revoked) = match self.by_id.get(id) {
            Some(known) => (Some(known), false),
            None => (self.revoked.get(id), true),
        };
        // An unknown id takes as long as a wrong secret.
        let is_it = equal(known.map_or(&[0; 32], |known| &known.hash), &shown);
        let known = known.filter(|_| is_it).ok_or(NoKey::Unknown)?;
        let principal = || Arc::clone(&known.principal);
        match known.expires_s {
            _ if is_revoked => Err(NoKey::Revoked(principal())),
            Some(expires) if now_s >= expires => Err(NoKey::Expired(principal())),
            _ => Ok(Arc::clone(known)),
        }
    }

    /// Until when the key `id` is good, which was `known`; `None` if it is gone, or is another key or another caller's by now.
    pub(super) fn still(&self, id: &str, known: &Known) -> Option<Option<u64>> {
        let now = self.by_id.get(id)?;
        (now.hash == known.hash && now.principal == known.principal).then_some(now.expires_s)
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn minted(id: &str) -> (Entry, String) {
        Entry::mint(Some(id.into()), "acme".parse().unwrap(), "ci".into(), NOW).unwrap()
    }

    fn known(entries: &[Entry]) -> ApiKeys {
        ApiKeys::new(entries, &ScopeTree::default())
    }

    #[test]
    fn a_key_is_its_owners() {
        let (mut entry, key) = minted("build_1");
        entry.scopes = vec!["a".into()];
        let keys = known(&[entry, minted("other").0]);
        let found = Arc::clone(&keys.find(&key, NOW).unwrap().principal);
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
            assert_eq!(keys.find(wrong, NOW), Err(NoKey::Unknown), "{wrong}");
        }
    }

    #[test]
    fn a_key_ends() {
        let (mut entry, key) = minted("a");
        entry.expires = Some(clock::to_text(NOW));
        let keys = known(&[entry]);
        let owner = Arc::clone(&keys.find(&key, NOW - 1).unwrap().principal);
        assert_eq!(keys.find(&key, NOW), Err(NoKey::Expired(owner)));
    }

    #[test]
    fn a_key_that_was_taken_away_is_known_as_that() {
        let ((entry, key), (other, _)) = (minted("a"), minted("b"));
        let before = known(&[entry.clone(), other.clone()]);
        let owner = Arc::clone(&before.find(&key, NOW).unwrap().principal);
        let after = known(&[other]).after(&before);
        assert_eq!(after.find(&key, NOW), Err(NoKey::Revoked(Arc::clone(&owner))));
        assert_eq!(after.find(&format!("{key}0"), NOW), Err(NoKey::Unknown), "another secret");
        let much_later = known(&[]).after(&after);
        assert_eq!(much_later.find(&key, NOW), Err(NoKey::Revoked(owner)));
        assert!(known(&[entry]).after(&much_later).find(&key, NOW).is_ok(), "it was given back");
        assert_eq!(after.changes(&before), [("removed", "a")]);
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
        let keys = known(&read(&path).unwrap());
        assert!(keys.find(&key, NOW).is_ok());
        assert!(!format!("{keys:?}").contains(secret));
        // Whoever could not read it cannot read what takes its place.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        update(&path, |_| Ok(())).unwrap();
        assert_eq!(
            (fs::metadata(&path).unwrap().mode() & 0o777, fs::read_to_string(&path).unwrap()),
            (0o600, text.clone())
        );
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
            (&good.replace("\"a\"", "\"b\"").replace("\"ci\"", "\"c\\ni\""), ":2: subject and groups:"),
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
