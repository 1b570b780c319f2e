//! Secrets: named in the configuration, read from where they are when a plugin that was granted them is loaded.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;
use crate::ids::name_type;

/// A command that has not printed its secret by then has failed.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(10);

/// How often a command is looked at until then.
const COMMAND_POLL: Duration = Duration::from_millis(5);

/// More is not a secret but a mistake.
const SECRET_BYTES_MAX: u64 = 64 << 10;

name_type!(
    /// A secret's name in the configuration. The name is not secret.
    SecretName
);

/// A secret's value. It shows itself to nobody: not in debug form, not in an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// One that stands in a test.
    #[cfg(test)]
    pub(crate) fn of(value: &str) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `[secret.NAME]`: where it is. One of the three.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenSecret {
    /// An environment variable of the host.
    pub env: Option<String>,
    /// A file.
    pub file: Option<PathBuf>,
    /// A program and its arguments, whose standard output is the secret.
    pub command: Option<Vec<String>>,
}

/// Where one secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
}

/// All secrets of a configuration. Each is read once, when it is first asked for. Clones share what was read.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    places: BTreeMap<SecretName, Arc<Known>>,
}

/// What is known of one secret.
#[derive(Debug)]
struct Known {
    place: Place,
    value: OnceLock<Result<Secret, String>>,
}

impl Secrets {
    pub(super) fn new(written: BTreeMap<SecretName, WrittenSecret>, base: &Path) -> Result<Self, ConfigError> {
        let mut places = BTreeMap::new();
        for (name, written) in written {
            let place = match written {
                WrittenSecret { env: Some(name), file: None, command: None } => Place::Env(name),
                WrittenSecret { env: None, file: Some(file), command: None } => Place::File(base.join(file)),
                WrittenSecret { env: None, file: None, command: Some(command) } if !command.is_empty() => {
                    Place::Command(command)
                }
                _ => {
                    let reason = format!("[secret.{name}] give one of `env`, `file` and `command`");
                    return Err(ConfigError::new(reason));
                }
            };
            places.insert(name, Arc::new(Known { place, value: OnceLock::new() }));
        }
        Ok(Self { places })
    }

    /// Whether the configuration has it.
    pub fn knows(&self, name: &SecretName) -> bool {
        self.places.contains_key(name)
    }

    /// Reads a secret; may block for as long as its command takes. The error says where it should have been, and nothing of it.
    pub fn read(&self, name: &SecretName) -> Result<Secret, String> {
        let Some(known) = self.places.get(name) else {
            return Err(format!("secret `{name}` is not in the configuration; add [secret.{name}]"));
        };
        let read = || {
            known.place.read().and_then(|text| checked(&text)).map_err(|reason| format!("secret `{name}`: {reason}"))
        };
        known.value.get_or_init(read).clone()
    }
}

impl Place {
    fn read(&self) -> Result<String, String> {
        match self {
            Self::Env(name) => env::var(name).map_err(|error| match error {
                env::VarError::NotPresent => format!("the environment variable {name} is not set"),
                env::VarError::NotUnicode(_) => format!("the environment variable {name} is not UTF-8"),
            }),
            Self::File(path) => {
                let wrong = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
                let mut text = String::new();
                let file = fs::File::open(path).map_err(wrong)?;
                file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).map_err(wrong)?;
                Ok(text)
            }
            Self::Command(command) => run(command),
        }
    }
}

/// A secret as it is used: without the end of line that files and commands put after it.
fn checked(text: &str) -> Result<Secret, String> {
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("is longer than {SECRET_BYTES_MAX} bytes"));
    }
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.contains(['\n', '\r', '\0']) {
        return Err("has more than one line".into());
    }
    Ok(Secret(text.into()))
}

fn run(command: &[String]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("has no command")?;
    let wrong = |what: &str| format!("`{program}` {what}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| wrong(&format!("does not run: {error}")))?;
    // What it prints is read beside it: a pipe that is full would stop it.
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|output| output.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
        read.is_some_and(|read| read.is_ok()).then_some(text)
    });
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < COMMAND_TIME_MAX => std::thread::sleep(COMMAND_POLL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(wrong(&format!("did not end within {} s", COMMAND_TIME_MAX.as_secs())));
            }
            Err(error) => return Err(wrong(&format!("cannot be waited for: {error}"))),
        }
    };
    if !status.success() {
        return Err(wrong(&format!("failed with {status}")));
    }
    reader.join().ok().flatten().ok_or_else(|| wrong("printed something that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: WrittenSecret) -> Result<Secret, String> {
        let name: SecretName = "s".parse().unwrap();
        Secrets::new([(name.clone(), written)].into(), Path::new("/")).unwrap().read(&name)
    }

    fn command(script: &str) -> WrittenSecret {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        WrittenSecret { command: Some(command), ..WrittenSecret::default() }
    }

    #[test]
    fn a_secret_comes_from_one_of_three_places() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, "k3y\n").unwrap();
        assert_eq!(read(WrittenSecret { file: Some(file), ..WrittenSecret::default() }).unwrap().reveal(), "k3y");
        assert_eq!(read(command("printf 'a b\\r\\n'")).unwrap().reveal(), "a b");
        let home = WrittenSecret { env: Some("PATH".into()), ..WrittenSecret::default() };
        assert_eq!(read(home).unwrap().reveal(), env::var("PATH").unwrap());
        let two = WrittenSecret { env: Some("A".into()), file: Some("b".into()), command: None };
        let name: SecretName = "s".parse().unwrap();
        assert!(
            Secrets::new([(name, two)].into(), Path::new("/")).unwrap_err().to_string().contains("[secret.s] give one")
        );
    }

    #[test]
    fn failures_name_the_place_and_nothing_of_the_secret() {
        let missing = WrittenSecret { env: Some("TOOLYARD_NO_SUCH".into()), ..WrittenSecret::default() };
        assert_eq!(read(missing).unwrap_err(), "secret `s`: the environment variable TOOLYARD_NO_SUCH is not set");
        for (script, reason) in
            [("echo k3y; exit 3", "failed with"), ("echo k3y; echo k3y", "one line"), ("true", "is empty")]
        {
            let error = read(command(script)).unwrap_err();
            assert!(error.contains(reason) && !error.contains("k3y"), "{error}");
        }
    }

    #[test]
    fn nobody_sees_it() {
        let secret = read(command("echo k3y")).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
