use std::{collections::BTreeMap, fs, path::Path};

use super::*;

/// Files in a folder of their own, and an environment.
struct Scene {
    dir: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Scene {
    /// The files one after the other, each after a line `=== NAME`.
    fn of(files: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in files.split("=== ").skip(1) {
            let (name, text) = file.split_once('\n').unwrap();
            let path = dir.path().join(name.trim());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { dir, environment: BTreeMap::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn read(&self) -> Result<Usable, Mistakes> {
        let environment = |name: &str| Ok(self.environment.get(name).cloned());
        Document::read(&self.dir.path().join("main.toml"), &environment, &mut Seen::default())?.usable()
    }

    fn config(&self) -> Config {
        self.read().map_err(|mistakes| mistakes.to_string()).unwrap().config
    }

    /// The mistakes, one a line, without the folder.
    fn mistakes(&self) -> Vec<String> {
        let mistakes = self.read().map(|_| ()).unwrap_err();
        let folder = format!("{}/", self.dir.path().canonicalize().unwrap().display());
        mistakes.iter().map(|mistake| mistake.to_string().replace(&folder, "")).collect()
    }
}

fn check_mistakes(files: &str, expected: &[&str]) {
    assert_eq!(Scene::of(files).mistakes(), expected);
}

#[test]
fn every_mistake_is_said_at_once_with_its_line() {
    check_mistakes(
        "=== main.toml
listen = 'here'
admin_listen = 'there'
plugin_s = 'x'
strict_grants = 'yes'
[limits]
calls_max = -1
timeout_max_ms = 5
[plugin.a]
prefix = 'x.y'
[plugin.b.grants]
https = []
[[plugin.b.grants.http]]
methods = ['GET']
[[plugin.b.grants.http]]
url = 'example.com'
[[plugin.b.grants.http]]
url = 'https://a/'
methods = ['TRACE']
headers = [{ name = 'A', secret = 's' }]
[plugin.b.tool.t]
task = 'always'
[secret.u]
[secret.v]
env = 'A'
file = 'B'
",
        &[
            "main.toml:1: `listen` is `here`; it must be an address and a port, such as 127.0.0.1:8080",
            "main.toml:2: `admin_listen`: `there` must be an address and a port, such as 127.0.0.1:9090",
            "main.toml:3: unknown key `plugin_s`; did you mean `plugins`?",
            "main.toml:4: `strict_grants` must be `true` or `false`, and is the string `yes`",
            "main.toml:6: `calls_max` must be a whole number from 0 to 4294967295, and is `-1`",
            "main.toml:7: unknown key `timeout_max_ms`; did you mean `timeout_ms_max`?",
            "main.toml:9: [plugin.a] prefix: `x.y` is not a legal name: use 1 to 64 letters, digits, `_` and `-`",
            "main.toml:11: unknown key `https`; did you mean `http`?",
            "main.toml:12: `url` is missing; add it",
            "main.toml:15: [plugin.b] grants http: `example.com` has no scheme; write it as https://api.example.com/v1/ or \
             https://*.example.com/",
            "main.toml:18: [plugin.b] grants http: `TRACE` cannot be granted",
            "main.toml:19: [plugin.b] grants: there is no secret `s`; add [secret.s]",
            "main.toml:21: `task`: `always` cannot stand here; what can stand here is `never`, `when-slow`, `at-once`, `required`",
            "main.toml:22: [secret.u] give one of `env`, `file` and `command`",
            "main.toml:24: [secret.v] give one of `env`, `file` and `command`",
        ],
    );
}

#[test]
fn what_follows_from_a_mistake_is_no_second_one() {
    // The secret is wrong, not missing.
    check_mistakes(
        "=== main.toml
[secret.s]
enf = 'S'
[plugin.p.grants]
secrets = { key = 's' }
",
        &["main.toml:2: unknown key `enf`; did you mean `env`?"],
    );
    check_mistakes(
        "=== main.toml\n[[seal.keys]]\nid = 5\nsecret = ''\n",
        &["main.toml:2: `id` must be a string, and is `5`"],
    );
}

#[test]
fn what_is_no_toml_is_said_of_every_file() {
    let scene = Scene::of(
        "=== main.toml
include = ['a.toml', 'none.toml']
x = 1
x = 2
=== a.toml
a =
b = 'ok'
",
    );
    let mistakes = scene.mistakes();
    assert_eq!(mistakes.iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(), ["main.toml:3:"]);
    let scene = Scene::of("=== main.toml\ninclude = ['a.toml', 'none.toml', 5]\n=== a.toml\nb = 1\na =\nc = [\n");
    let mistakes = scene.mistakes();
    assert!(mistakes.iter().any(|mistake| mistake.starts_with("a.toml:2: ")), "{mistakes:?}");
    assert!(mistakes.contains(&"main.toml:1: `include`: none.toml: there is no such file".to_owned()), "{mistakes:?}");
    assert!(mistakes.iter().any(|mistake| mistake.starts_with("main.toml:1: `include`: must be")), "{mistakes:?}");
}

#[test]
fn files_grow_together_and_the_including_one_has_the_last_word() {
    let config = Scene::of(
        "=== main.toml
include = ['base.toml', 'plugins/*.toml']
[limits]
calls_max = 3
=== base.toml
listen = '127.0.0.1:1'
allowed_origins = ['https://base', 'https://both']
[limits]
calls_max = 1
queue_max = 1
[plugin.a]
prefix = 'base'
own_resources = true
=== plugins/b.toml
allowed_origins = ['https://b']
[plugin.a]
prefix = 'b'
[[plugin.b.grants.folders]]
path = 'data'
guest = '/data'
=== plugins/a.toml
[plugin.a]
prefix = 'a'
=== plugins/a.toml~
this is an editor's copy
",
    );
    let dir = config.dir.path().to_owned();
    let config = config.config();
    assert_eq!((config.host_limits.calls_max, config.host_limits.queue_max), (3, 1));
    assert_eq!(config.listen, "127.0.0.1:1".parse().unwrap());
    assert_eq!(config.allowed_origins, ["https://b"]);
    let a = config.for_plugin(&"a".parse().unwrap());
    assert_eq!((a.prefix.as_deref(), a.own_resources), (Some("b"), true));
    // A path starts from the folder of the file that it stands in.
    let b = config.for_plugin(&"b".parse().unwrap());
    assert_eq!(b.grants.folders[0].path, dir.join("plugins/data"));
    assert_eq!(config.default_tenant().plugins, Some(dir.join("plugins")));
}

#[test]
fn a_mistake_names_the_file_it_was_written_in() {
    check_mistakes(
        "=== main.toml
include = ['base.toml', 'deep/more.toml']
[limits]
queue_max = 1
=== base.toml
[limits]
calls_max = 0
queue_max = 'none'
=== deep/more.toml
include = 'most.toml'
=== deep/most.toml

[limits]
timeout_ms_max = 0
timeout_ms = 1
",
        &[
            "base.toml:2: [limits] `calls_max` is 0; it must be from 1 to 4096",
            "deep/most.toml:3: [limits] `timeout_ms_max` is 0: no call could ever end; use at least 1",
            "deep/most.toml:4: unknown key `timeout_ms`; did you mean `timeout_ms_max`?",
        ],
    );
}

#[test]
fn including_ends() {
    let circle = Scene::of("=== main.toml\ninclude = ['a.toml']\n=== a.toml\n\ninclude = ['./main.toml']\n").mistakes();
    assert_eq!(circle.len(), 1);
    assert!(circle[0].starts_with("a.toml:2: `include`: ./main.toml: includes itself"), "{circle:?}");
    assert!(circle[0].ends_with("includes itself, by way of main.toml, a.toml"), "{circle:?}");
    let mut deep = "=== main.toml\ninclude = ['1.toml']\n".to_owned();
    for at in 1..9 {
        deep += &format!("=== {at}.toml\ninclude = ['{}.toml']\n", at + 1);
    }
    let deep = Scene::of(&(deep + "=== 9.toml\n")).mistakes();
    assert_eq!(
        deep,
        ["7.toml:1: `include`: 8.toml: is included by a file that is included, and so on, 8 times; at most that many"]
    );
    // Twice is no circle.
    Scene::of("=== main.toml\ninclude = ['a.toml', 'b.toml']\n=== a.toml\ninclude = 'b.toml'\n=== b.toml\n").config();
}

const ONE_FILE: &str = "=== main.toml
include = ['${STAGE:-development}.toml']
listen = '${HOST:-127.0.0.1}:${PORT:-8080}'
plugins = '${PLUGINS:-plugins}'
strict_grants = '${STRICT:-false}'
[limits]
calls_max = '${CALLS:-16}'
[server]
name = 'yard-${STAGE:-development}'
instructions = 'file:instructions.txt'
[secret.token]
env = '${TOKEN_VARIABLE:-TOKEN}'
[[plugin.weather.grants.http]]
url = 'https://${WEATHER_HOST:-localhost}/v1/'
headers = [{ name = 'Authorization', secret = 'token' }]
[plugin.weather.grants]
config = { text = 'a $${literal}' }
=== instructions.txt
Tools for the weather.
=== development.toml
[limits]
queue_max = 1
=== staging.toml
[limits]
queue_max = 2
=== production.toml
[limits]
queue_max = '${QUEUE}'
";

#[test]
fn one_file_is_development_staging_and_production() {
    let weather = |config: &Config| config.for_plugin(&"weather".parse().unwrap()).grants;
    let development = Scene::of(ONE_FILE).config();
    assert_eq!(development.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!((development.host_limits.calls_max, development.host_limits.queue_max), (16, 1));
    assert!(!development.strict_grants);
    assert_eq!(development.identity.name, "yard-development");
    assert_eq!(development.identity.instructions.as_deref(), Some("Tools for the weather."));
    assert_eq!(weather(&development).http[0].to.to_string(), "https://localhost/v1/");
    assert_eq!(weather(&development).config["text"], "a ${literal}");

    let staging = Scene::of(ONE_FILE).with("STAGE", "staging").with("PORT", "8081").config();
    assert_eq!(staging.listen, "127.0.0.1:8081".parse().unwrap());
    assert_eq!((staging.identity.name.as_str(), staging.host_limits.queue_max), ("yard-staging", 2));

    let production = [
        ("STAGE", "production"),
        ("HOST", "[::]"),
        ("PORT", "80"),
        ("STRICT", "true"),
        ("CALLS", "4_096"),
        ("QUEUE", "9\n"),
        ("PLUGINS", "/plugins"),
        ("WEATHER_HOST", "api.example.com"),
    ];
    let production = production.iter().fold(Scene::of(ONE_FILE), |scene, (name, value)| scene.with(name, value));
    let config = production.config();
    assert_eq!(config.listen, "[::]:80".parse().unwrap());
    assert_eq!((config.host_limits.calls_max, config.host_limits.queue_max), (4096, 9));
    assert!(config.strict_grants);
    assert_eq!(config.default_tenant().plugins.as_deref(), Some(Path::new("/plugins")));
    assert_eq!(weather(&config).http[0].to.to_string(), "https://api.example.com/v1/");

    let without = Scene::of(ONE_FILE).with("STAGE", "production").mistakes();
    assert_eq!(
        without,
        ["production.toml:2: the environment variable QUEUE is not set; set it, or write `${QUEUE:-default}`"]
    );
}

#[test]
fn a_mistake_says_the_reference_and_not_what_it_stands_for() {
    let scene = Scene::of(
        "=== main.toml
store = 'redis://${PASSWORD}@'
strict_grants = '${PASSWORD}'
admin_listen = '${SHORT}'
[limits]
calls_max = '${PASSWORD}'
[[seal.keys]]
id = '1'
secret = '${PASSWORD}'
[[plugin.p.grants.http]]
url = '${PASSWORD}'
[plugin.p.grants]
keyvalue = { keys_max = 'file:password' }
=== password
hunter3
",
    );
    let mistakes = scene.with("PASSWORD", "hunter2\"").with("SHORT", "xyz").mistakes();
    assert_eq!(mistakes.len(), 7, "{mistakes:#?}");
    for mistake in mistakes {
        assert!(!mistake.contains("hunter") && !mistake.contains("xyz"), "{mistake}");
    }
}

#[test]
fn only_what_is_a_reference_as_a_whole_can_be_a_number() {
    let scene = |text: &str| Scene::of(&format!("=== main.toml\n[limits]\ncalls_max = {text}\n")).with("N", "7");
    assert_eq!(scene("'${N}'").config().host_limits.calls_max, 7);
    assert_eq!(scene("'${NONE:-8}'").config().host_limits.calls_max, 8);
    for text in ["'7'", "'1${N}'", "'$${N}'"] {
        let mistakes = scene(text).mistakes();
        assert!(mistakes[0].starts_with("main.toml:2: `calls_max` must be a whole number"), "{mistakes:?}");
    }
}

#[test]
fn what_was_read_is_known() {
    let scene = Scene::of(
        "=== main.toml
include = ['base.toml', 'parts/*.toml']
plugins = 'p'
[server]
instructions = 'file:about.txt'
[secret.s]
file = 'secrets/s'
=== base.toml
=== about.txt
x
=== parts/one.toml
[egress]
ca_files = ['ca.pem']
",
    );
    let mut seen = Seen::default();
    let document = Document::read(&scene.dir.path().join("main.toml"), &of_process, &mut seen).unwrap();
    let names = ["about.txt", "base.toml", "main.toml", "parts", "parts/one.toml"];
    assert_eq!(seen.paths().collect::<Vec<_>>(), names.map(|name| scene.dir.path().join(name)));
    let usable = document.usable().unwrap();
    let paths: Vec<String> =
        usable.paths.iter().map(|named| format!("{} line {}", named.path.display(), named.at.line)).collect();
    assert_eq!(paths, ["parts/ca.pem line 2", "p line 2", "secrets/s line 6"]);
}
