use super::*;

fn error(text: &str) -> String {
    Written::parse(text).and_then(|written| written.usable(Path::new("/etc/toolyard"))).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_usable() {
    let config = Config::new();
    assert_eq!(config.listen, DEFAULT_LISTEN.parse().unwrap());
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn a_plugin_inherits_what_it_does_not_say() {
    let text = "
        [limits]
        timeout_ms_max = 7000
        [plugin.jq]
        prefix = \"\"
        limits = { memory_bytes_max = 1048576 }
    ";
    let config = Written::parse(text).unwrap().usable(Path::new("/etc/toolyard")).unwrap();
    let jq = config.for_plugin(&"jq".parse().unwrap());
    assert_eq!(jq.prefix.as_deref(), Some(""));
    assert_eq!(jq.limits.timeout, Duration::from_secs(7));
    assert_eq!(jq.limits.memory_bytes_max, 1 << 20);
    assert_eq!(config.for_plugin(&"other".parse().unwrap()).limits.timeout, Duration::from_secs(7));
    assert_eq!(config.plugins, Path::new("/etc/toolyard/plugins"));
}

#[test]
fn mistakes_say_what_to_do() {
    assert_eq!(error("plugin_s = \"x\""), "unknown key `plugin_s`; did you mean `plugins`?");
    assert_eq!(error("[limits]\ntimeout_max_ms = 5"), "unknown key `timeout_max_ms`; did you mean `timeout_ms_max`?");
    assert!(error("[limits]\ntimeout_ms_max = 0").contains("use at least 1"));
    assert!(error("listen = \"8080\"").contains("such as 127.0.0.1:8080"));
    assert!(error("[limits]\ncalls_max = 100000").contains("from 1 to 4096"));
    assert!(error("[plugin.\"a b\"]").contains("not a legal name"));
    assert!(error("[plugin.a]\nprefix = \"x.y\"").contains("[plugin.a] prefix"));
}

#[test]
fn a_mistake_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toolyard.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\n\n[limit]\n").unwrap();
    let error = Config::read(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}:3: unknown key `limit`; did you mean `limits`?", path.display()));
    let missing = Config::read(&dir.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.ends_with("none.toml: there is no such file"), "{missing}");
}
