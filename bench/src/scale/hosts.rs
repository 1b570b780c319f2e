//! Plain calls with one, two and three hosts that share a store: behind nginx, and by clients that take turns themselves.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::programs::{Nginx, Redis};
use super::share::Share;
use super::{ECHO, Hosted, Yard, shared};
use crate::cli::{Host, Settings};
use crate::load::{self, Effort, Slice, Target};
use crate::machine::{Cores, stay_on};
use crate::procfs::Account;
use crate::stats::Spread;
use crate::wire::{Era, Template};

/// Callers without pause.
const CALLERS: usize = 48;
/// Of a core, for each host, where hosts are bounded: three of them, nginx and the load have room on two cores.
const PERCENT: u32 = 10;
/// The most hosts.
pub(crate) const HOSTS_MAX: usize = 3;

/// Who decides which host is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Turns {
    Clients,
    Nginx,
}

/// So many hosts, reached in one way.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) hosts: usize,
    pub(crate) turns: Turns,
    pub(crate) rounds: Vec<Round>,
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// Of all hosts together, and of nginx, for each request.
    pub(crate) hosts_us: f64,
    pub(crate) nginx_us: f64,
    pub(crate) hosts_busy: f64,
    pub(crate) nginx_busy: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// What one host answered beside another, the least to the most.
    pub(crate) evenness: f64,
}

#[derive(Serialize)]
pub(crate) struct Hosts {
    pub(crate) callers: usize,
    /// With all cores for all.
    pub(crate) free: Vec<Row>,
    /// With a share of a core for each host, in percent, or why that cannot be had.
    pub(crate) bounded: Result<Vec<Row>, String>,
    pub(crate) percent: u32,
    /// Commands that the store was sent for a thousand calls, the hosts' heartbeats included.
    pub(crate) commands_per_thousand: f64,
}

impl Hosts {
    pub(crate) fn measure(
        host: &Host,
        settings: &Settings,
        cores: &Cores,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let redis = Redis::start("everysec", &cores.all)?;
        let yard = Yard::new(host, &cores.all)?;
        let hosts: Vec<Hosted> = (0..HOSTS_MAX).map(|_| yard.start(&shared(&redis.url()))).collect::<Result<_>>()?;
        let unpacked = host.folders[0].with_file_name("nginx").join("usr/sbin/nginx");
        let addresses: Vec<SocketAddr> = hosts.iter().map(|host| host.server.endpoint.address).collect();
        let balancers: Vec<Nginx> = (1..=HOSTS_MAX)
            .map(|count| Nginx::before(&addresses[..count], &unpacked, &cores.all))
            .collect::<Result<_>>()?;
        let field = Field { hosts: &hosts, balancers: &balancers };
        stay_on(&[cores.load])?;
        let before = redis.commands()?;
        let (free, answers) = field.rounds(settings.rounds, settings.measured, "hosts", progress)?;
        // Far below 2^52, where this would lose anything.
        let commands_per_thousand = (redis.commands()? - before) as f64 * 1e3 / answers as f64;
        let shares: Result<Vec<Share>> = hosts.iter().map(|host| Share::of(host.server.pid(), PERCENT)).collect();
        // With so little of a core it takes longer to see how much is done.
        let measured = settings.measured * 3;
        let bounded = match &shares {
            Ok(_) => Ok(field.rounds(settings.rounds, measured, "hosts, each with a share of a core", progress)?.0),
            Err(error) => Err(format!("{error:#}")),
        };
        stay_on(&cores.all)?;
        drop(balancers);
        for host in hosts {
            host.server.stop()?;
        }
        Ok(Self { callers: CALLERS, free, bounded, percent: PERCENT, commands_per_thousand })
    }
}

impl Row {
    pub(crate) fn median(&self, what: impl Fn(&Round) -> f64) -> f64 {
        Spread::of(self.rounds.iter().map(what)).map_or(f64::NAN, |spread| spread.median)
    }
}

/// The rate of `row` to that of one host reached in the same way, round by round.
pub(crate) fn to_one(rows: &[Row], row: &Row) -> Option<Spread> {
    let one = rows.iter().find(|other| other.hosts == 1 && other.turns == row.turns)?;
    Spread::of(row.rounds.iter().zip(&one.rounds).map(|(row, one)| row.per_second / one.per_second))
}

/// All that is there to be measured.
struct Field<'a> {
    hosts: &'a [Hosted],
    /// In front of the first, of the first two, and so on.
    balancers: &'a [Nginx],
}

impl Field<'_> {
    /// All ways in each round. Gives how many calls were answered too.
    fn rounds(
        &self,
        rounds: usize,
        measured: Duration,
        what: &str,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(Vec<Row>, u64)> {
        let ways = (1..=HOSTS_MAX).flat_map(|hosts| [(hosts, Turns::Clients), (hosts, Turns::Nginx)]);
        let mut rows: Vec<Row> = ways.map(|(hosts, turns)| Row { hosts, turns, rounds: Vec::new() }).collect();
        let mut answers = 0;
        let effort = Effort { connections: CALLERS, warm_up: measured / 6, measured };
        let count = rows.len();
        for round in 0..rounds {
            progress(&format!("{what}: round {} of {rounds}", round + 1));
            for step in 0..count {
                let row = &mut rows[(step + round) % count];
                let slice = self.slice(row.hosts, row.turns, effort)?;
                answers += slice.answers;
                row.rounds.push(Round::of(&slice, row.hosts));
            }
        }
        Ok((rows, answers))
    }

    fn slice(&self, hosts: usize, turns: Turns, effort: Effort) -> Result<Slice> {
        let (balancer, hosts) = (&self.balancers[hosts - 1], &self.hosts[..hosts]);
        let target = |hosted: &Hosted, address: SocketAddr| {
            let endpoint = hosted.server.endpoint.at(address);
            Target::one(address, &Template::echo(&endpoint, Era::Modern, None, ECHO))
        };
        let targets: Vec<Target> = match turns {
            Turns::Clients => hosts.iter().map(|host| target(host, host.server.endpoint.address)).collect(),
            Turns::Nginx => vec![target(hosts.first().context("a host")?, balancer.address())],
        };
        let all = Account::of(hosts.iter().map(|host| host.server.pid()));
        let each = hosts.iter().map(|host| host.server.account());
        let accounts: Vec<Account> = [all, balancer.account()?].into_iter().chain(each).collect();
        load::run(&targets, &accounts, effort)
    }
}

impl Round {
    fn of(slice: &Slice, hosts: usize) -> Self {
        let each: Vec<f64> = (2..2 + hosts).map(|account| slice.busy_of(account)).collect();
        let least = each.iter().copied().fold(f64::INFINITY, f64::min);
        Self {
            per_second: slice.per_second(),
            hosts_us: slice.cpu_us_of(0),
            nginx_us: slice.cpu_us_of(1),
            hosts_busy: slice.busy_of(0),
            nginx_busy: slice.busy_of(1),
            p50_us: load::us(&slice.latency, 0.5),
            p99_us: load::us(&slice.latency, 0.99),
            evenness: least / each.iter().copied().fold(0.0, f64::max),
        }
    }
}
