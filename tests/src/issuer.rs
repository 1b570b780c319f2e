//! An identity provider, `oidc-provider`, as a process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::http::Request;
use crate::paths::client_folder;
use crate::wait::PATIENCE;

/// Who gives out access tokens. There is a client `machine`; whoever else comes registers first, and is signed in as `alice`.
pub struct Issuer {
    process: Child,
    input: ChildStdin,
    /// What it says, line by line.
    output: Receiver<String>,
    url: String,
}

impl Issuer {
    /// One that knows the scopes `read` and `write`.
    pub fn start() -> Issuer {
        let folder = client_folder("node");
        let beside = folder.join("drivers/issuer");
        fs::create_dir_all(&beside).expect("a folder can be made");
        // Tests run side by side: each finds a whole file, whoever wrote it.
        let fresh = tempfile::NamedTempFile::new_in(&beside).expect("a file can be made");
        fs::write(fresh.path(), include_str!("../clients/issuer.mjs")).expect("a file can be written");
        let script = beside.join("driver.mjs");
        fresh.persist(&script).expect("a file can be renamed");
        let mut process = Command::new(folder.join("run-node"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let input = process.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let (sender, output) = mpsc::channel();
        // It ends with the process.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut issuer = Issuer { process, input, output, url: String::new() };
        issuer.url = issuer.read()["issuer"].as_str().expect("an issuer has a URL").to_owned();
        issuer
    }

    /// What stands in its tokens' `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Replaces its keys.
    pub fn rotate(&mut self) {
        assert_eq!(self.ask(&json!({ "rotate": true }))["rotated"], true);
    }

    /// Signs claims that it would not make of itself, with this in the header.
    pub fn sign(&mut self, claims: &Value, header: &Value) -> String {
        let answer = self.ask(&json!({ "sign": claims, "header": header }));
        answer["token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// A token that the client `machine` got for a resource.
    pub fn token(&self, resource: &str, scope: &str) -> String {
        let form = format!("grant_type=client_credentials&scope={}&resource={resource}", scope.replace(' ', "+"));
        let mut request = Request::post(form).header("Content-Type", "application/x-www-form-urlencoded");
        request.path = "/token".into();
        // machine:machine-secret
        let request = request.header("Authorization", "Basic bWFjaGluZTptYWNoaW5lLXNlY3JldA==");
        let address = self.url.strip_prefix("http://").expect("it speaks HTTP");
        let mut connection = Connection::open(address.parse().expect("it is at an address"));
        connection.write(&request.bytes(address));
        let answer = connection.read().json();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.input, "{command}").expect("the issuer reads");
        self.read()
    }

    fn read(&self) -> Value {
        let line = self.output.recv_timeout(PATIENCE).expect("the issuer says something");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
