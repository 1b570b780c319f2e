//! The MCP Inspector's command lines: `inspector --cli`, which connects anew for each command, and `mcpdo`, which keeps a
//! connection in a process of its own.

use std::io::BufReader;
use std::process::{Command, Output, Stdio};

use serde_json::{Deserializer, Value, json};
use tempfile::TempDir;
use toolyard_tests::{client_folder, output};

use super::Seen;
use super::work::ANSWER;

/// What the connection is called.
const CONNECTION: &str = "@host";

struct Inspector<'a> {
    era: &'a str,
    url: &'a str,
    /// Where it keeps what it keeps.
    home: TempDir,
}

pub(super) fn drive(era: &str, url: &str, work: &Value) -> Seen {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let inspector = Inspector { era, url, home };
    let connected = inspector.connect();
    let listed = inspector.once("tools/list", &[]);
    let mut seen = Seen {
        era: connected["protocolEra"].as_str().expect("an era").to_owned(),
        version: connected["protocolVersion"].as_str().expect("a version").to_owned(),
        tools: names(&listed["tools"], "name"),
        ..Seen::default()
    };
    for call in work["calls"].as_array().expect("calls are a list") {
        seen.calls.push(inspector.call(call));
    }
    for feature in work["features"].as_array().expect("features are a list") {
        let feature = feature.as_str().expect("a feature has a name");
        seen.features.insert(feature.to_owned(), inspector.does(feature, work));
    }
    seen
}

/// Calls one tool by one command, and gives what that shows.
pub(crate) fn call(era: &str, url: &str, tool: &str, arguments: &Value) -> Value {
    let inspector = Inspector { era, url, home: tempfile::tempdir().expect("a temporary folder can be made") };
    inspector.call(&json!({ "name": tool, "arguments": arguments }))
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item[key].as_str().expect("a name is a text").to_owned()).collect()
}

impl Inspector<'_> {
    fn does(&self, feature: &str, work: &Value) -> Value {
        match feature {
            "list" => json!({
                "prompts": names(&self.once("prompts/list", &[])["prompts"], "name"),
                "resources": names(&self.once("resources/list", &[])["resources"], "uri"),
                "templates": names(&self.once("resources/templates/list", &[])["resourceTemplates"], "uriTemplate"),
            }),
            "call" => self.call(&work["call"])["content"][0]["text"].take(),
            "read" => work["read"].as_array().expect("a list").iter().map(|uri| self.read(uri)).collect(),
            "prompt" => {
                let prompt = &work["prompt"];
                let given = prompt["arguments"].as_object().expect("an object");
                let given: Vec<String> = given.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
                let mut arguments = vec!["--prompt-name", text(&prompt["name"]), "--prompt-args"];
                arguments.extend(given.iter().map(String::as_str));
                self.once("prompts/get", &arguments)["messages"][0]["content"]["text"].take()
            }
            "complete" => {
                let asked = &work["complete"];
                let arguments = ["--complete-ref-type", "ref/prompt", "--complete-ref", text(&asked["prompt"])];
                let what = ["--complete-arg-name", text(&asked["argument"])];
                let value = ["--complete-arg-value", text(&asked["value"])];
                self.keep("prompts/complete", &[&arguments[..], &what, &value].concat())["values"].take()
            }
            "elicit" => self.elicit(&work["elicit"]["call"]),
            "subscribe" => self.subscribe(&work["subscribe"]),
            other => panic!("it cannot {other}"),
        }
    }

    fn call(&self, call: &Value) -> Value {
        let arguments = call.get("arguments").cloned().unwrap_or_else(|| json!({})).to_string();
        let name = text(&call["name"]);
        let mut result = self.once("tools/call", &["--tool-name", name, "--tool-args-json", &arguments]);
        json!({
            "called": name,
            "isError": result.get("isError").cloned().unwrap_or(Value::Bool(false)),
            "structured": result["structuredContent"].take(),
            "content": result["content"].take(),
        })
    }

    fn read(&self, uri: &Value) -> Value {
        let mut contents = self.once("resources/read", &["--uri", text(uri)])["contents"][0].take();
        let kind = if contents.get("text").is_some() { "text" } else { "blob" };
        contents[kind].take()
    }

    /// The first command ends with the question, the second answers it and ends with the result.
    fn elicit(&self, call: &Value) -> Value {
        let arguments = call["arguments"].to_string();
        let pending = self.keep("tools/call", &[text(&call["name"]), &arguments]);
        let id = text(&pending["elicitationPending"]["elicitationId"]);
        let fields = ANSWER.map(|(key, value)| format!("{key}:={value}"));
        let fields = fields.iter().map(String::as_str);
        let arguments: Vec<&str> = std::iter::once(id).chain(fields).collect();
        self.keep("elicitation/respond", &arguments)["content"][0]["text"].take()
    }

    /// The command goes on, and prints news of the resource.
    fn subscribe(&self, asked: &Value) -> Value {
        let mut command = self.mcpdo(&[CONNECTION, "resources/subscribe", text(&asked["uri"])]);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("mcpdo starts");
        let output = process.stdout.take().expect("stdout is piped");
        let mut news = Deserializer::from_reader(BufReader::new(output)).into_iter::<Value>();
        let mut next = || news.next().expect("something is said").expect("it is JSON");
        assert_eq!(next()["type"], "subscribed");
        let mut heard = Vec::new();
        for tool in asked["tools"].as_array().expect("a list") {
            self.keep("tools/call", &[text(tool)]);
            heard.push(format!("notifications/{}", text(&next()["type"])));
        }
        process.kill().expect("a child can be killed");
        process.wait().expect("a child can be waited for");
        json!(heard)
    }

    /// Runs a command of `inspector --cli`, and gives the result.
    fn once(&self, method: &str, arguments: &[&str]) -> Value {
        let mut command = self.node("launcher/build/index.js");
        command.args(["--cli", self.url, "--transport", "http", "--protocol-era", self.era, "--method", method]);
        let output = run(command.args(["--format", "json", "--quiet"]).args(arguments));
        let mut said: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        said["result"].take()
    }

    /// Opens the connection, and tells about it.
    fn connect(&self) -> Value {
        run(&mut self.mcpdo(&[
            "--connection",
            &CONNECTION[1..],
            "connect",
            "--transport",
            "http",
            "--era",
            self.era,
            self.url,
        ]));
        self.keep("connections/show", &[])
    }

    /// Runs a command of `mcpdo` on the connection, and gives the result.
    fn keep(&self, command: &str, arguments: &[&str]) -> Value {
        let output = run(&mut self.mcpdo(&[&[CONNECTION, command], arguments].concat()));
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    fn mcpdo(&self, arguments: &[&str]) -> Command {
        let mut command = self.node("mcpdo/build/mcp-bin.js");
        command.args(["--format", "json"]).args(arguments);
        command
    }

    fn node(&self, program: &str) -> Command {
        let folder = client_folder("node");
        let mut command = Command::new(folder.join("run-node"));
        command.arg(folder.join("node_modules/@modelcontextprotocol/inspector/clients").join(program));
        // Nothing of the user's own, neither settings nor secrets, and a keeper of connections that nobody shares.
        command.env("HOME", self.home.path()).env("MCP_INSPECTOR_SECRET_STORE", "file");
        command.env("MCP_INSPECTOR_DAEMON_DIR", self.home.path().join("keeper"));
        command.env("MCP_INSPECTOR_DAEMON_TOKEN", "of-this-test");
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Inspector<'_> {
    fn drop(&mut self) {
        let _ = self.mcpdo(&["daemon", "stop"]).stdout(Stdio::null()).status();
    }
}

fn run(command: &mut Command) -> Output {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
