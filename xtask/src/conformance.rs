//! `cargo xtask conformance`: the official suite against the host with `plugins/everything`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::project::Project;
use crate::step::{step, words};
use crate::tally::Tally;
use crate::{clients, components, programs, servers};

/// What is run, each against the same host: the requirements of a revision, or all there is.
const RUNS: [[&str; 2]; 3] = [["--requirements", "2026-07-28"], ["--requirements", "2025-11-25"], ["--suite", "all"]];

/// The stores that a host may have: tasks, streams and sessions must be the same on each.
const STORES: [Store; 2] = [Store::Embedded, Store::Redis];

/// The tools have the names that the suite calls them by, and become tasks where the suite wants them to.
const CONFIG: &str = r#"
[plugin.everything]
prefix = ""
[plugin.everything.tool]
greet.task = "never"
failing_job.task = "required"
confirm_delete.task = "required"
multi_input.task = "required"
test_tool_with_task = { task = "when-slow", limits = { task_after_ms = 100 } }
"#;

/// How often, and how many times, to look whether Redis has begun.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 500;

/// Builds what it takes, runs the suite, and prints the tally as the last line.
pub(crate) fn run(project: &Project) -> Result<ExitCode> {
    components::build(project)?;
    programs::build_host(project)?;
    clients::provide(project)?;
    servers::provide()?;
    let tally = count(project);
    println!("\n{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the suite, and counts its checks. A suite that does not come to its end is a failure too.
pub(crate) fn count(project: &Project) -> Tally {
    let mut tally = Tally::default();
    let outcome = step("conformance suite", || {
        let folder = project.target.join("conformance");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        for store in STORES {
            let folder = folder.join(store.name());
            let host = Host::start(project, &folder, store)?;
            for [kind, which] in RUNS {
                let results = folder.join(which);
                drive(project, &host, [kind, which], &results)?;
                tally.add(judge(&format!("{}, {which}", store.name()), &results)?);
            }
        }
        if tally.failed > 0 {
            bail!("{} checks failed; what they found is in {}", tally.failed, folder.display());
        }
        Ok(())
    });
    if outcome.is_err() && tally.failed == 0 {
        tally.failed = 1;
    }
    tally
}

#[derive(Clone, Copy)]
enum Store {
    Embedded,
    Redis,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Store::Embedded => "embedded",
            Store::Redis => "redis",
        }
    }
}

/// A host with `plugins/everything`, and its store where that is a process of its own.
struct Host {
    process: Child,
    redis: Option<Child>,
    url: String,
}

impl Host {
    fn start(project: &Project, folder: &Path, store: Store) -> Result<Host> {
        let plugins = folder.join("plugins");
        fs::create_dir_all(&plugins)?;
        let component = project.target.join("plugins/everything.wasm");
        fs::copy(&component, plugins.join("everything.wasm"))
            .with_context(|| format!("{} cannot be copied", component.display()))?;
        let config = folder.join("toolyard.toml");
        let (redis, store) = match store {
            Store::Embedded => (None, String::new()),
            Store::Redis => {
                let (redis, url) = redis(folder)?;
                (Some(redis), format!("store = \"{url}\"\n"))
            }
        };
        fs::write(&config, store + CONFIG)?;

        let mut command = Command::new(programs::host(project));
        command.args(["serve", "--listen", "127.0.0.1:0", "--json", "--plugins"]).arg(&plugins);
        command.arg("--config").arg(&config).arg("--state-dir").arg(folder.join("state"));
        command.arg("--cache-dir").arg(folder.join("compiled"));
        let log = fs::File::create(folder.join("host.log"))?;
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{}` does not start", words(&command)))?;
        let output = process.stdout.take().context("the output was asked for")?;
        let mut host = Host { process, redis, url: String::new() };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the host does not say where it listens")?;
        host.url = ready["url"].as_str().context("the host does not say where it listens")?.to_owned();
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has done its work, and what it would say at its end nobody waits for.
        for process in [Some(&mut self.process), self.redis.as_mut()].into_iter().flatten() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A Redis of its own on a free port, and where it is. It takes connections before this returns.
fn redis(folder: &Path) -> Result<(Child, String)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"]);
    command.arg(folder).stdin(Stdio::null()).stdout(fs::File::create(folder.join("redis.log"))?);
    let mut redis = command.spawn().context("`redis-server` does not start: install it")?;
    for _ in 0..LOOKS_MAX {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((redis, format!("redis://127.0.0.1:{port}")));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    let _ = redis.kill();
    let _ = redis.wait();
    bail!("redis-server takes no connections; its log is in {}", folder.display());
}

/// Lets the suite do one run.
fn drive(project: &Project, host: &Host, run: [&str; 2], results: &Path) -> Result<()> {
    let suite = clients::node_folder(project).join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let mut command = Command::new(clients::node_program(project));
    command.arg(suite).args(["server", "--url", &host.url]).args(run).arg("--output-dir").arg(results);
    let output = command.output().with_context(|| format!("`{}` does not start", words(&command)))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // It fails on what is not judged here, so its exit code only tells whether it came to its end.
    let ended = matches!(output.status.code(), Some(0 | 1)) && said.contains("=== SUMMARY ===");
    if !ended {
        bail!("the suite ended with {}: {}{said}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Counts the checks of a run, and prints those that failed. What cannot be checked here is neither.
fn judge(run: &str, results: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(results)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    folders.sort();
    for folder in &folders {
        let scenario = scenario_of(folder)?;
        let checks: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("checks.json"))?)
            .with_context(|| format!("{} holds no checks", folder.display()))?;
        tally.add(judge_scenario(run, &scenario, &checks));
    }
    println!("   {run}: {} scenarios, {tally}", folders.len());
    if folders.is_empty() {
        bail!("{run} has no scenarios");
    }
    Ok(tally)
}

fn judge_scenario(run: &str, scenario: &str, checks: &[Value]) -> Tally {
    let mut tally = Tally::default();
    for check in checks {
        match check["status"].as_str() {
            Some("SUCCESS") => tally.passed += 1,
            Some("INFO" | "SKIPPED") => {}
            _ => {
                tally.failed += 1;
                println!("   {run}: {scenario}: {} {}: {}", check["status"], check["id"], check["errorMessage"]);
            }
        }
    }
    if checks.is_empty() {
        tally.failed += 1;
        println!("   {run}: {scenario}: nothing was checked");
    }
    tally
}

/// The name of the scenario whose results are in this folder, `server-NAME-2026-07-28T10-20-30-400Z`.
fn scenario_of(folder: &Path) -> Result<String> {
    let name = folder.file_name().context("a folder has a name")?.to_string_lossy();
    let time = "-0000-00-00T00-00-00-000Z".len();
    let scenario = name.strip_prefix("server-").and_then(|rest| rest.get(..rest.len().checked_sub(time)?));
    Ok(scenario.with_context(|| format!("`{name}` is not named after a scenario"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn folders_are_named_after_scenarios() {
        let name = scenario_of(Path::new("out/server-tasks-lifecycle-2026-11-21T11-42-41-279Z"));
        assert_eq!(name.expect("it is"), "tasks-lifecycle");
        assert!(scenario_of(Path::new("out/server-x")).is_err());
    }

    #[test]
    fn a_warning_is_a_failure() {
        let check = |status: &str| json!({ "id": "x", "status": status });
        let checks = ["SUCCESS", "INFO", "SKIPPED", "WARNING", "FAILURE"].map(check);
        assert_eq!(judge_scenario("all", "ping", &checks), Tally { passed: 1, failed: 2 });
        assert_eq!(judge_scenario("all", "ping", &[]), Tally { passed: 0, failed: 1 });
    }
}
