use super::*;

fn error(text: &str) -> String {
    Written::parse(text).and_then(|written| written.usable(Path::new("/etc/toolyard"))).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_usable() {
    let config = Config::new();
    assert_eq!(config.listen, DEFAULT_LISTEN.parse().unwrap());
    assert_eq!(config.default_tenant().limits, Limits::default());
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
    assert_eq!(jq.limits.timeout(), Duration::from_secs(7));
    assert_eq!(jq.limits.memory_bytes_max, 1 << 20);
    assert_eq!(config.for_plugin(&"other".parse().unwrap()).limits.timeout(), Duration::from_secs(7));
    assert_eq!(config.default_tenant().plugins.as_deref(), Some(Path::new("/etc/toolyard/plugins")));
}

#[test]
fn a_tool_is_made_a_task_as_the_operator_says() {
    let text = "
        [limits]
        task_ttl_ms = 0
        task_timeout_ms_max = 90000
        [plugin.p.tool.t]
        task = \"when-slow\"
        limits = { task_after_ms = 100 }
        [plugin.p.tool.u]
        task = \"required\"
        [plugin.p.tool.v.limits]
        cpu_ms_max = 1
    ";
    let config = Written::parse(text).unwrap().usable(Path::new("/")).unwrap();
    let tools = config.for_plugin(&"p".parse().unwrap()).tools;
    assert_eq!(
        [&tools["t"], &tools["u"], &tools["v"]].map(|tool| tool.task),
        [Some(TaskMode::WhenSlow), Some(TaskMode::Required), None]
    );
    assert_eq!(tools["t"].limits.task_after_ms, 100);
    assert_eq!(tools["t"].limits.of_tasks().timeout(), Duration::from_secs(90));
    assert_eq!(config.host_limits.task_ttl, Duration::from_secs(1));
    assert!(error("[plugin.p.tool.t]\ntask = \"always\"").contains("`at-once`"));
    assert!(error("[limits]\ntask_cpu_ms_max = 0").contains("use at least 1"));
}

#[test]
fn mistakes_say_what_to_do() {
    assert_eq!(error("plugin_s = \"x\""), "unknown key `plugin_s`; did you mean `plugins`?");
    assert_eq!(error("[limits]\ntimeout_max_ms = 5"), "unknown key `timeout_max_ms`; did you mean `timeout_ms_max`?");
    assert!(error("[limits]\ntimeout_ms_max = 0").contains("use at least 1"));
    assert!(error("[limits]\ninstances_max = 65").contains("at most 64"));
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

#[test]
fn what_is_said_closer_to_a_tool_wins() {
    let text = "
        [limits]
        cpu_ms_max = 1
        log_lines_max = 1
        [tenant.default.limits]
        cpu_ms_max = 2
        memory_bytes_max = 2
        [plugin.p.limits]
        memory_bytes_max = 3
        output_bytes_max = 3
        [plugin.p.tool.t.limits]
        output_bytes_max = 4
    ";
    let config = Written::parse(text).unwrap().usable(Path::new("/")).unwrap();
    let tool = &config.for_plugin(&"p".parse().unwrap()).tools["t"].limits;
    assert_eq!((tool.log_lines_max, tool.cpu_ms_max, tool.memory_bytes_max, tool.output_bytes_max), (1, 2, 3, 4));
    let own = "[tenant.acme.limits]\ncpu_ms_max = 7\n[tenant.acme.plugin.p.limits]\ntimeout_ms_max = 9";
    let config = Written::parse(own).unwrap().usable(Path::new("/etc")).unwrap();
    let acme = &config.tenants["acme"];
    assert_eq!(acme.plugins.as_deref(), Some(Path::new("/etc/plugins/acme")));
    assert_eq!((acme.limits.cpu_ms_max, acme.for_plugin(&"p".parse().unwrap()).limits.timeout_ms_max), (7, 9));
    assert_eq!(config.default_tenant().plugins, None);
    assert_eq!(config.default_tenant().limits, Limits::default());
    assert!(error("[plugin.p.tool.t.limits]\nplugin_calls_max = 1").contains("of the plugin as a whole"));
}

#[test]
fn grants_are_read() {
    let text = "
        [secret.token]
        env = 'TOKEN'
        [plugin.p.grants]
        config = { language = 'en' }
        secrets = { key = 'token' }
        environment = { LANG = 'C' }
        keyvalue = { keys_max = 5 }
        [[plugin.p.grants.http]]
        url = 'https://api.example.com/v1'
        methods = ['get', 'POST']
        networks = ['10.0.0.0/8']
        headers = [{ name = 'Authorization', secret = 'token', prefix = 'Bearer ' }]
        [[plugin.p.grants.folders]]
        path = 'data'
        guest = '/data'
        write = true
        [[plugin.p.grants.tcp]]
        host = 'DB.internal'
        port = 5432
    ";
    let config = Written::parse(text).unwrap().usable(Path::new("/etc/toolyard")).unwrap();
    let grants = config.for_plugin(&"p".parse().unwrap()).grants;
    assert_eq!(grants.http[0].to.to_string(), "https://api.example.com/v1/");
    assert_eq!(grants.http[0].methods, ["GET", "POST"]);
    assert_eq!(grants.folders[0].path, Path::new("/etc/toolyard/data"));
    assert_eq!(grants.tcp[0].host, "db.internal");
    let keyvalue = grants.keyvalue.unwrap();
    assert_eq!((keyvalue.keys_max, keyvalue.bytes_max), (5, KeyValueGrant::default().bytes_max));
    assert_eq!(config.for_plugin(&"other".parse().unwrap()).grants, Grants::default());
}

#[test]
fn mistakes_in_grants_name_the_plugin_and_the_part() {
    let grant = |text: &str| error(&format!("[[plugin.p.grants.http]]\nurl = {text}"));
    assert!(grant("'example.com'").starts_with("[plugin.p] grants http: `example.com` has no scheme"));
    let plain = grant("'http://a.example/'\nheaders = [{ name = 'A', secret = 's' }]\n[secret.s]\nenv = 'S'");
    assert!(plain.contains("unencrypted"), "{plain}");
    for url in ["https://*/", "http://*/"] {
        let everybody = grant(&format!("'{url}'\nheaders = [{{ name = 'A', secret = 's' }}]\n[secret.s]\nenv = 'S'"));
        assert!(everybody.contains("whoever the plugin chooses"), "{everybody}");
    }
    for method in ["connect", "TRACE"] {
        let never = grant(&format!("'https://a/'\nmethods = ['GET', '{method}']"));
        assert!(never.contains("cannot be granted"), "{never}");
    }
    let unknown = grant("'https://a/'\nheaders = [{ name = 'A', secret = 's' }]");
    assert!(unknown.contains("there is no secret `s`; add [secret.s]"), "{unknown}");
    assert!(error("[secret.s]").contains("[secret.s] give one of"));
    assert!(error("[[plugin.p.grants.folders]]\npath = 'x'\nguest = 'x'").contains("must be an absolute path"));
    assert!(error("[plugin.p.grants]\nhttps = []").contains("did you mean `http`?"));
}

#[test]
fn tenants_have_nothing_of_each_other() {
    let text = "[secret.top]\nenv = \"X\"\n[tenant.acme.plugin.p.grants.secrets]\nkey = \"top\"";
    assert!(error(text).contains("[tenant.acme] [plugin.p] grants: there is no secret `top`"), "{}", error(text));
    assert!(error("[tenant.default.plugin.p]").contains("those at the top of the file"));
    let text = "[tenant.acme]\nquotas = { keyvalue_bytes_max = 10 }\n[tenant.acme.plugin.p.grants]\nkeyvalue = { bytes_max = 11 }";
    assert!(error(text).contains("granted 11 bytes of key-value data, and `keyvalue_bytes_max` is 10"));
    assert!(error("[tenant.acme.quotas]\ncalls_max = 0").contains("use at least 1"));
    // One that is alone may have all; where there are several, each leaves some to the others unless somebody says otherwise.
    let places = |toml: &str| {
        let tenants = Written::parse(toml).unwrap().usable(Path::new("/base")).unwrap().tenants;
        tenants["acme"].quotas.calls_max
    };
    assert_eq!(places("[limits]\ncalls_max = 16\n[tenant.acme]"), None);
    assert_eq!(places("[limits]\ncalls_max = 16\n[tenant.acme]\n[tenant.bolt]"), Some(12));
    assert_eq!(places("plugins = 'p'\n[limits]\ncalls_max = 1\n[tenant.acme]"), Some(1));
    assert_eq!(places("[tenant.acme.quotas]\ncalls_max = 500\n[tenant.bolt]"), Some(500));
    assert!(error("[plugin.p]\nscopes = [\"a b\"]").contains("`a b` is no scope"));
}

/// Every example of a configuration that the project gives away: those of the pages for operators, and those of `deploy/`.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut examples = Vec::new();
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    for page in docs.filter(|path| path.extension().is_some_and(|kind| kind == "md")).chain([root.join("README.md")]) {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let (example, _) = block.split_once("```").unwrap();
            examples.push((page.display().to_string(), example.to_owned()));
        }
    }
    let deploy = std::fs::read_dir(root.join("deploy")).unwrap();
    for file in deploy.map(|entry| entry.unwrap().path().join("toolyard.toml")).filter(|file| file.exists()) {
        examples.push((file.display().to_string(), std::fs::read_to_string(file).unwrap()));
    }
    examples
}

#[test]
fn the_examples_are_what_the_schema_and_the_host_take() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let examples = examples();
    assert!(examples.len() > 10, "there are more than {}", examples.len());
    let bare = |_: &str| Ok(None);
    for (place, example) in examples {
        // A file of wishes has reasons in it, and is none of these.
        if example.contains("why = ") {
            continue;
        }
        let document: serde_json::Value =
            serde_json::to_value(toml::from_str::<toml::Value>(&example).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{place}: {errors:#?}\n{example}");
        let read = text::Document::parse(&without_files(&example), &bare).and_then(|document| document.written());
        assert!(
            read.is_ok(),
            "{place}: {}\n{example}",
            read.err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
        );
    }
}

/// The same with its references to files as plain texts: the files are of machines that are not here.
fn without_files(example: &str) -> String {
    example.replace("\"file:", "\"").replace("include = [", "allowed_origins = [")
}
