//! `toolyard dev`

mod prompt;
mod show;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;

use self::prompt::Prompt;
use super::{Outcome, Source, runtime, start_log};
use crate::{
    build::{Changed, FOLDER, Pace, Project, Watch},
    catalog::{Catalog, Live, Plugin, Refused},
    config::Config,
    host::{Bound, Host},
    ids::Digest,
    observe::{Observer, Seen, Sight},
    shutdown,
};

/// The configuration that is taken if the project has it.
const CONFIG_FILE: &str = "toolyard.toml";

/// What is printed here is not printed again by the log; `RUST_LOG` brings it back.
const LOG: &str = "error,toolyard::catalog=off,plugin=off";

/// Builds a project, serves it to MCP clients, shows each call, and builds and serves it again whenever it is saved. What does
/// not build is shown, and the version before goes on serving.
#[derive(Debug, Args)]
#[command(after_help = PROMPT)]
pub(super) struct Dev {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Address and port; port 0 picks a free one [default: 127.0.0.1:8080, or what the configuration says]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// A configuration file (TOML), for grants and limits [default: toolyard.toml in the project, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where compiled code is kept; empty for nowhere [default: toolyard in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<std::ffi::OsString>,
    /// Where sessions and what the plugin keeps are; empty for in memory [default: .toolyard/state in the project]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<std::ffi::OsString>,
    /// After each save, repeat the last call that was typed
    #[arg(long)]
    again: bool,
}

const PROMPT: &str = "While it runs, type `TOOL {json}` to call a tool, such as `greet {\"name\": \"Ada\"}`, `read URI` to read a \
                      resource, `prompt NAME {json}` to fill in a prompt; `tools` lists the tools, `quit` or the end of the \
                      input ends. Ctrl-C ends, too.";

/// Something to print behind all that was seen in calls by now.
enum Note {
    Line(String),
    /// Wanted by somebody who writes to the terminal next.
    Flush(oneshot::Sender<()>),
}

/// What the prompt and the loop of builds share.
struct Desk {
    notes: mpsc::UnboundedSender<Note>,
    live: Arc<Live>,
    project: Project,
    /// Whether a build is on its way: a call that was typed meanwhile waits for what comes of it.
    building: watch::Sender<bool>,
}

impl Dev {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        start_log(LOG);
        let project = Project::find(&self.dir)?;
        let config = self.config(&project)?;
        let runtime = runtime()?;
        let served = runtime.block_on(self.serve(project, config));
        // A read of standard input cannot be taken back; waiting for it would keep the process after a signal.
        runtime.shutdown_background();
        served.map(|()| Outcome::Done)
    }

    fn config(&self, project: &Project) -> anyhow::Result<Config> {
        let own = project.dir().join(FOLDER);
        let plugins = own.join("dev");
        // What an earlier run left there may not be what the sources are now.
        let _ = fs::remove_dir_all(&plugins);
        fs::create_dir_all(&plugins).with_context(|| format!("{} cannot be made", plugins.display()))?;
        let beside = project.dir().join(CONFIG_FILE);
        let source = Source {
            plugins: Some(plugins),
            config: self.config.clone().or_else(|| beside.is_file().then_some(beside)),
            cache_dir: self.cache_dir.clone(),
            state_dir: self.state_dir.clone().or_else(|| Some(own.join("state").into())),
        };
        let mut config = source.config()?;
        config.supply = config.supply.for_development();
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        Ok(config)
    }

    async fn serve(&self, project: Project, config: Config) -> anyhow::Result<()> {
        let stop = shutdown::on_signal().context("cannot wait for signals")?;
        // Watched before anything is built, so that no save is missed.
        let sources = Watch::new(project.dir()).context("the project cannot be watched")?;
        let plugins = config.default_tenant().plugins.clone().context("there is no plugin folder")?;
        let component = plugins.join(format!("{}.wasm", project.name()));
        let (observer, sights) = Observer::new();
        let host = Host::build_observed(config.clone(), Some(observer)).await?.bind().await?;
        show::line(&format!("{} ({}) on {}; building", project.name(), project.language(), url(&host)));

        let (live, runner) = (host.host().live(), host.host().runner().clone());
        let all_done = CancellationToken::new();
        let (notes, noted) = mpsc::unbounded_channel();
        let printer = tokio::spawn(print(project.clone(), sights, noted, all_done.clone()));
        let desk = Arc::new(Desk { notes, live, project, building: watch::Sender::new(true) });
        let serving = tokio::spawn(host.run(stop.clone()));
        let prompt = Prompt::open(Arc::clone(&desk), runner, stop.clone());
        let again = self.again.then(|| prompt.clone()).flatten();
        tokio::select! {
            () = stop.cancelled() => {}
            () = keep_building(&desk, sources, &component, &config, again) => {}
        }
        let _ = serving.await;
        all_done.cancel();
        let _ = printer.await;
        Ok(())
    }
}

fn url(host: &Bound) -> String {
    host.url()
}

impl Desk {
    /// Prints lines, behind what was seen before.
    fn say(&self, text: &str) {
        let _ = self.notes.send(Note::Line(text.to_owned()));
    }

    /// Waits until all is printed that was seen and said.
    async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let _ = self.notes.send(Note::Flush(done));
        let _ = flushed.await;
    }

    /// The version that serves now.
    fn plugin(&self) -> Option<Arc<Plugin>> {
        self.live.now().plugin(self.project.name().as_str()).cloned()
    }
}

/// Prints what is seen and said until `all_done`, and what was by then.
async fn print(
    project: Project,
    mut sights: mpsc::Receiver<Sight>,
    mut notes: mpsc::UnboundedReceiver<Note>,
    all_done: CancellationToken,
) {
    loop {
        tokio::select! {
            biased;
            Some((call, seen)) = sights.recv() => show::sight(&(call, located(&project, seen))),
            Some(note) = notes.recv() => match note {
                Note::Line(text) => show::line(&text),
                Note::Flush(done) => {
                    let _ = done.send(());
                }
            },
            () = all_done.cancelled() => return,
        }
    }
}

/// What was seen, with places in the sources.
fn located(project: &Project, seen: Seen) -> Seen {
    match seen {
        Seen::Log { level, message } => Seen::Log { level, message: project.in_sources(&message).unwrap_or(message) },
        seen => seen,
    }
}

/// Builds now and after each save, until it is dropped.
async fn keep_building(desk: &Arc<Desk>, mut sources: Watch, component: &Path, config: &Config, again: Option<Prompt>) {
    let mut changed = Changed { since: Instant::now(), files: Vec::new() };
    let (mut pace, mut told) = (Pace::First, String::new());
    loop {
        desk.building.send_replace(true);
        if changed.files.iter().any(|file| file == Path::new(CONFIG_FILE)) {
            desk.say(&format!("{CONFIG_FILE} is read at the start: quit and start again for what changed in it"));
        }
        let served = build_and_load(desk, &changed, pace, component).await;
        match &served {
            Ok(plugin) => {
                pace = Pace::Again;
                let offers = offers(plugin, config);
                if offers != told {
                    desk.say(&offers);
                    told = offers;
                }
            }
            Err(error) => {
                let serving = match desk.plugin() {
                    Some(_) => "the version before it goes on serving",
                    None => "nothing is served yet",
                };
                desk.say(&format!("{error:#}\nNot served; {serving}. Save again when it is mended."));
            }
        }
        // The calls that waited for it come behind what was said about it.
        desk.flush().await;
        desk.building.send_replace(false);
        if let (Some(again), Ok(_)) = (&again, &served) {
            again.repeat().await;
        }
        changed = sources.next().await;
    }
}

/// Gives the version that serves now, if the sources became one.
async fn build_and_load(
    desk: &Arc<Desk>,
    changed: &Changed,
    pace: Pace,
    component: &Path,
) -> anyhow::Result<Arc<Plugin>> {
    let (project, file) = (desk.project.clone(), component.to_owned());
    let built = spawn_blocking(move || project.build(pace, &file, None)).await.context("the build failed inside")??;
    let build_time = changed.since.elapsed();
    let (digest, name) = (Digest::of(&built), desk.project.name().as_str());
    let plugin = desk.live.until(|catalog| loaded(catalog, name, digest, component)).await;
    let plugin = plugin.map_err(|reason| anyhow!("the plugin {reason}"))?;
    let load_time = changed.since.elapsed().saturating_sub(build_time);
    let saved = match changed.files.as_slice() {
        [] => "started".to_owned(),
        [file] => format!("{} saved", file.display()),
        files => format!("{} files saved", files.len()),
    };
    desk.say(&format!("{saved} -> built {} -> serving {}", show::time(build_time), show::time(load_time)));
    Ok(plugin)
}

/// What has become of the component with this digest, once that is known.
fn loaded(catalog: &Catalog, name: &str, digest: Digest, file: &Path) -> Option<Result<Arc<Plugin>, String>> {
    if let Some(plugin) = catalog.plugin(name).filter(|plugin| plugin.digest() == digest) {
        return Some(Ok(Arc::clone(plugin)));
    }
    // What could not even be read has no digest.
    let is_it = |refused: &&Refused| refused.file == file && refused.digest.is_none_or(|other| other == digest);
    catalog.refused().iter().find(is_it).map(|refused| Err(refused.reason.clone()))
}

/// What the plugin offers, and what it wishes for and was not granted.
fn offers(plugin: &Plugin, config: &Config) -> String {
    let mut lines = Vec::new();
    let mut list = |title: &str, what: Vec<String>| {
        if !what.is_empty() {
            lines.push(title.to_owned());
            lines.extend(what);
        }
    };
    list("tools:", plugin.tools().iter().map(|tool| show::tool(tool)).collect());
    list("prompts:", plugin.prompts().iter().map(|prompt| show::prompt(prompt)).collect());
    list("resources:", show::resources(plugin));
    let (id, grants) = (plugin.id(), config.for_plugin(plugin.id()).grants);
    let unmet: Vec<String> = plugin.wishes().unmet(&grants).map(|wish| format!("  {wish}: {}", wish.why())).collect();
    if !unmet.is_empty() {
        lines.push(format!("not granted, though wished for; grant it below [plugin.{id}.grants] in {CONFIG_FILE}:"));
        lines.extend(unmet);
    }
    lines.join("\n")
}
