//! `[policy]`: where the policies are, and which arguments of tools they may see.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;

/// A file of policies that is longer is a mistake.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// `[policy]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenPolicy {
    /// Files of Cedar policies; a `*` in a file's name stands for anything.
    pub files: Vec<PathBuf>,
    /// What holds without files.
    pub default: Option<PolicyDefault>,
}

/// What holds while there are no policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicyDefault {
    /// Every caller may use everything of its tenant.
    #[default]
    Allow,
    /// Nobody may use anything.
    Deny,
}

/// Where the policies are, and what they may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySettings {
    /// Paths, of which the last part may hold `*`. Empty: there are no policies, and `default` holds.
    pub files: Vec<PathBuf>,
    pub default: PolicyDefault,
    /// Arguments of any tool that policies may see.
    pub arguments: PolicyArguments,
}

/// Arguments that policies may see, and of which type they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyArguments(BTreeMap<String, ArgumentType>);

/// What a policy sees an argument as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentType {
    String,
    /// A whole number.
    Long,
    Bool,
    /// A list of strings, as a set.
    Strings,
}

/// `policy_arguments`: names, of strings; or names with their types.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give names, as in [\"path\"], or names with types: string, long, bool or strings")]
pub enum WrittenArguments {
    Names(Vec<String>),
    Types(BTreeMap<String, ArgumentType>),
}

/// A file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    pub file: PathBuf,
    pub text: String,
}

/// A file that cannot be read, or a pattern that no file fits.
#[derive(Debug)]
pub struct Unreadable {
    pub file: PathBuf,
    pub reason: String,
}

impl WrittenPolicy {
    /// Checks what can be checked without the files.
    pub(super) fn usable(self, base: &Path, arguments: PolicyArguments) -> Result<PolicySettings, ConfigError> {
        if let (false, Some(PolicyDefault::Allow)) = (self.files.is_empty(), self.default) {
            return Err(ConfigError::new(
                "[policy] default: with `files`, what no policy permits is refused; to permit it, add the policy \
                 `permit (principal, action, resource);`",
            ));
        }
        if let Some(wrong) = self.files.iter().find(|file| {
            let folder = file.parent();
            file.as_os_str().is_empty() || folder.is_some_and(|folder| folder.to_string_lossy().contains('*'))
        }) {
            let reason = format!("[policy] files: `{}` may have `*` in the name of the file only", wrong.display());
            return Err(ConfigError::new(reason));
        }
        let files = self.files.iter().map(|file| base.join(file)).collect();
        Ok(PolicySettings { files, default: self.default.unwrap_or_default(), arguments })
    }
}

impl PolicySettings {
    /// All whose change may be a change of the policies: the files, and the folders in which files are looked for.
    pub(super) fn sources(&self) -> Vec<PathBuf> {
        let folders = self.files.iter().filter_map(|pattern| pattern.parent()).map(Path::to_owned);
        folders.chain(self.files.iter().filter_map(|pattern| matching(pattern).ok()).flatten()).collect()
    }

    /// Reads all files, in the order in which they are named, and by name where a pattern fits several. Each is read once.
    pub fn read(&self) -> Result<Vec<PolicyText>, Vec<Unreadable>> {
        let (mut texts, mut wrong) = (Vec::<PolicyText>::new(), Vec::new());
        for pattern in &self.files {
            let found = match matching(pattern) {
                Ok(found) => found,
                Err(reason) => {
                    wrong.push(Unreadable { file: pattern.clone(), reason });
                    continue;
                }
            };
            for file in found {
                if texts.iter().any(|read| read.file == file) {
                    continue;
                }
                match read(&file) {
                    Ok(text) => texts.push(PolicyText { file, text }),
                    Err(reason) => wrong.push(Unreadable { file, reason }),
                }
            }
        }
        if wrong.is_empty() { Ok(texts) } else { Err(wrong) }
    }
}

impl PolicyArguments {
    /// None.
    pub fn none() -> &'static Self {
        static NONE: PolicyArguments = PolicyArguments(BTreeMap::new());
        &NONE
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ArgumentType)> {
        self.0.iter().map(|(name, kind)| (name.as_str(), *kind))
    }

    /// Adds those of another tool. An argument is of one type in all tools, since policies are checked once for all of them.
    pub(super) fn join(&mut self, other: &Self) -> Result<(), ConfigError> {
        for (name, kind) in &other.0 {
            let known = *self.0.entry(name.clone()).or_insert(*kind);
            if known != *kind {
                return Err(ConfigError::new(format!(
                    "policy_arguments: `{name}` is {} here and {} elsewhere; it must be the same for all tools",
                    kind.name(),
                    known.name()
                )));
            }
        }
        Ok(())
    }
}

impl From<WrittenArguments> for PolicyArguments {
    fn from(written: WrittenArguments) -> Self {
        match written {
            WrittenArguments::Names(names) => {
                Self(names.into_iter().map(|name| (name, ArgumentType::String)).collect())
            }
            WrittenArguments::Types(types) => Self(types),
        }
    }
}

impl FromIterator<(String, ArgumentType)> for PolicyArguments {
    fn from_iter<I: IntoIterator<Item = (String, ArgumentType)>>(arguments: I) -> Self {
        Self(arguments.into_iter().collect())
    }
}

impl ArgumentType {
    /// As the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Long => "long",
            Self::Bool => "bool",
            Self::Strings => "strings",
        }
    }
}

/// The files that a pattern stands for, by name.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains('*') {
        return Ok(vec![pattern.to_owned()]);
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = |error: io::Error| format!("its folder cannot be read: {error}");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if fits(&name, &path.file_name().unwrap_or_default().to_string_lossy()) && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err("no file fits this; without policies nobody could do anything".into());
    }
    found.sort();
    Ok(found)
}

/// Whether a name is what a pattern with `*` says. Hidden files are only meant where the pattern begins like them.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn read(file: &Path) -> Result<String, String> {
    let wrong = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    if fs::metadata(file).map_err(wrong)?.len() > FILE_BYTES_MAX {
        return Err(format!("is longer than {FILE_BYTES_MAX} bytes"));
    }
    fs::read_to_string(file).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(text: &str) -> Result<PolicySettings, String> {
        let written: WrittenPolicy = toml::from_str(text).map_err(|error| error.to_string())?;
        written.usable(Path::new("/etc/toolyard"), PolicyArguments::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_star_stands_for_anything_in_a_name() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        };
        check("*.cedar", "a.cedar", true);
        check("*.cedar", "a.cedar.bak", false);
        check("*.cedar", ".a.cedar", false);
        check(".*", ".a.cedar", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("ab*ba", "aba", false);
        check("*", "anything", true);
        check("plain", "plain", true);
        check("plain", "plainer", false);
    }

    #[test]
    fn files_are_read_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.cedar", "a.cedar", "c.txt", "z.cedar"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let files = |patterns: &[&str]| PolicySettings {
            files: patterns.iter().map(|pattern| dir.path().join(pattern)).collect(),
            ..PolicySettings::default()
        };
        let read = files(&["z.cedar", "*.cedar"]).read().unwrap();
        assert_eq!(read.iter().map(|read| read.text.as_str()).collect::<Vec<_>>(), ["z.cedar", "a.cedar", "b.cedar"]);
        let wrong = files(&["no.cedar", "*.policy", "b.cedar"]).read().unwrap_err();
        assert_eq!(
            wrong.iter().map(|wrong| wrong.reason.as_str()).collect::<Vec<_>>(),
            ["there is no such file", "no file fits this; without policies nobody could do anything"]
        );
    }

    #[test]
    fn what_is_written_is_checked() {
        let settings = usable("files = [\"policies/*.cedar\", \"/srv/x.cedar\"]").unwrap();
        assert_eq!(settings.files, ["/etc/toolyard/policies/*.cedar", "/srv/x.cedar"].map(PathBuf::from));
        assert_eq!(settings.default, PolicyDefault::Allow);
        assert_eq!(usable("default = \"deny\"").unwrap().default, PolicyDefault::Deny);
        assert!(usable("files = [\"a\"]\ndefault = \"allow\"").unwrap_err().contains("permit (principal, action"));
        assert!(usable("files = [\"*/a.cedar\"]").unwrap_err().contains("in the name of the file only"));
        assert!(usable("default = \"maybe\"").unwrap_err().contains("`allow`"));
    }

    #[test]
    fn arguments_have_one_type_everywhere() {
        #[derive(Deserialize)]
        struct Tool {
            policy_arguments: WrittenArguments,
        }
        let read = |text: &str| toml::from_str::<Tool>(text).map(|tool| PolicyArguments::from(tool.policy_arguments));
        let mut all = read("policy_arguments = [\"path\"]").unwrap();
        all.join(&read("policy_arguments = { path = \"string\", size = \"long\" }").unwrap()).unwrap();
        assert_eq!(all.iter().collect::<Vec<_>>(), [("path", ArgumentType::String), ("size", ArgumentType::Long)]);
        let error = all.join(&read("policy_arguments = [\"size\"]").unwrap()).unwrap_err().to_string();
        assert_eq!(
            error,
            "policy_arguments: `size` is string here and long elsewhere; it must be the same for all tools"
        );
        assert!(read("policy_arguments = \"path\"").unwrap_err().to_string().contains("give names"));
    }
}
