//! Three hosts, the store that they share and the balancer before them; and who kills and restarts them.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Dice, Store, Tally};
use crate::host::Setup;
use crate::hosts::{Hosts, Target};
use crate::mcp::modern_request;
use crate::nginx::Nginx;
use crate::paths::guest;
use crate::redis::Redis;
use crate::script::scripted;

/// How long after a kill a connection may break: the client may not have been looking.
const KILL_SHOWS: Duration = Duration::from_secs(5);

/// How long after a kill clients may be told that their call was lost with its host: it is looked for before.
const LOSS_SHOWS: Duration = Duration::from_secs(30);

/// Hosts wait for a store that is away for so long, and then say so.
const WAITED_FOR: Duration = Duration::from_secs(4);

/// How long after that they may say it.
const AWAY_SHOWS: Duration = Duration::from_secs(10);

/// The same on all hosts: 32 bytes in base64.
const SEAL: &str = "[[seal.keys]]\nid = \"chaos\"\nsecret = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";

pub(super) struct Yard {
    hosts: Hosts,
    nginx: Nginx,
    redis: Option<Mutex<Redis>>,
    killed: Mutex<Option<Instant>>,
    /// When the store was last away for long.
    away: Mutex<Option<Instant>>,
}

impl Yard {
    pub(super) fn start(store: Store) -> Yard {
        let redis = (store == Store::Redis).then(|| Mutex::new(Redis::start()));
        let hosts = Hosts::start(3, || setup(redis.as_ref()));
        let nginx = Nginx::before(hosts.addresses());
        Yard { hosts, nginx, redis, killed: Mutex::default(), away: Mutex::default() }
    }

    /// Whom clients talk to.
    pub(super) fn nginx(&self) -> &Nginx {
        &self.nginx
    }

    /// Whether a host was killed a moment ago.
    pub(super) fn was_killed(&self) -> bool {
        was(&self.killed, KILL_SHOWS)
    }

    /// Whether a host was killed, and others may just have noticed.
    pub(super) fn was_killed_lately(&self) -> bool {
        was(&self.killed, LOSS_SHOWS)
    }

    /// Whether the store was away a moment ago, for longer than anybody waits for it.
    pub(super) fn was_away(&self) -> bool {
        was(&self.away, AWAY_SHOWS)
    }

    /// Waits a few seconds, and then does some harm.
    pub(super) fn disturb(&self, dice: &mut Dice, tally: &Tally) {
        thread::sleep(dice.between_ms(1500, 3500));
        let place = usize::try_from(dice.roll(3)).unwrap_or_default();
        note(&self.killed);
        self.hosts.at(place).host().kill();
        tally.count("hosts", "killed");
        thread::sleep(dice.between_ms(200, 1500));
        if let Some(redis) = self.redis.as_ref().filter(|_| dice.roll(3) == 0) {
            let begun = Instant::now();
            let mut redis = redis.lock().unwrap_or_else(PoisonError::into_inner);
            redis.kill();
            thread::sleep(dice.between_ms(0, 500));
            redis.start_again();
            drop(redis);
            if begun.elapsed() > WAITED_FOR {
                note(&self.away);
            }
            tally.count("store", "restarted");
        }
        // What was on its way when it was killed breaks now at the latest.
        note(&self.killed);
        self.hosts.start_again(place, setup(self.redis.as_ref()));
        tally.count("hosts", "started");
    }

    /// Holds against the hosts' own count how often each request was run.
    pub(super) fn count_runs(&self, tally: &Tally) {
        let keys = tally.keys();
        let share = keys.len().div_ceil(8).max(1);
        thread::scope(|scope| {
            for keys in keys.chunks(share) {
                scope.spawn(|| keys.iter().for_each(|(key, answered)| self.count_run(key, *answered, tally)));
            }
        });
    }

    fn count_run(&self, key: &str, answered: bool, tally: &Tally) {
        let params = json!({ "name": "k_kv_get", "arguments": { "key": key } });
        let reply = self.hosts.send(&modern_request("tools/call", params));
        let said = reply.result()["content"][0]["text"].as_str().map(str::to_owned).unwrap_or_default();
        match (serde_json::from_str(&said), answered) {
            (Ok(Value::String(runs)), _) if runs == "1" => tally.count("counted requests", "run once"),
            (Ok(Value::Null), false) => tally.count("counted requests", "not run, nor answered"),
            _ => tally.wrong(format!("a request that was answered ({answered}) was run so often: {said:?}")),
        }
    }

    pub(super) fn stop(self) {
        self.nginx.stop();
        self.hosts.stop();
    }
}

fn note(when: &Mutex<Option<Instant>>) {
    *when.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

fn was(when: &Mutex<Option<Instant>>, ago: Duration) -> bool {
    when.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|when| when.elapsed() < ago)
}

/// A host with a tool of each kind that clients call, and one that counts.
fn setup(redis: Option<&Mutex<Redis>>) -> Setup {
    let schema = json!({ "type": "object", "properties": { "x": { "type": "string" } }, "required": ["x"] });
    let question = json!({ "q": { "form": { "message": "What?", "schema": schema.to_string() } } });
    let tools = json!([
        { "name": "echo" },
        { "name": "wait", "act": { "wait": "waited" } },
        { "name": "task", "long_running": true, "idempotent": true, "act": { "wait": "waited" } },
        { "name": "ask", "act": { "ask": { "rounds": [question] } } },
        { "name": "tell", "act": { "tell": [{ "updated": "news://one" }] } },
    ]);
    let resources = json!({ "prefixes": ["news://"], "list": [{ "uri": "news://one" }] });
    let url = redis.map(|redis| redis.lock().unwrap_or_else(PoisonError::into_inner).url());
    let store = url.map(|url| format!("store = \"{url}\"\n")).unwrap_or_default();
    let config = format!(
        "{store}admin_listen = '127.0.0.1:0'\n[limits]\nplugin_calls_max = 256\nplugin_queue_max = 1024\n\
         queue_wait_ms_max = 20000\n[plugin.k.grants.keyvalue]\nkeys_max = 10000000\nbytes_max = 1000000000\n\
         [plugin.k.tool.kv_increment]\ntask = 'at-once'\n[plugin.s.tool.ask]\ntask = 'at-once'\n{SEAL}"
    );
    Setup::new()
        .file("s.wasm", scripted(&json!({ "tools": tools, "resources": resources })))
        .file("k.wasm", guest("keeper"))
        .config(&config)
}
