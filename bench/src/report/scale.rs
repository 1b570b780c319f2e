//! The tables of scale.

use super::table::Table;
use super::{cells, mib};
use crate::scale::hosts::{Hosts, Row as HostsRow, Turns, to_one};
use crate::scale::sizes::Sizes;
use crate::scale::tasks::Row as TasksRow;
use crate::stats::Spread;

pub(super) fn hosts_text(hosts: &Hosts) -> String {
    let bounded = match &hosts.bounded {
        Ok(rows) => format!(
            "Each host bounded to {} % of a core, so that hosts, nginx and load have room beside each other:\n\n{}",
            hosts.percent,
            hosts_table(rows)
        ),
        Err(reason) => format!("Hosts could not be bounded to a part of a core each ({reason}).\n"),
    };
    format!(
        "\n## One, two and three hosts\n\n{} callers without pause of an echo tool; hosts share Redis, which was sent {:.2} commands for a thousand \
         calls. All on all cores, the load on one:\n\n{}\n{bounded}",
        hosts.callers,
        hosts.commands_per_thousand,
        hosts_table(&hosts.free)
    )
}

fn hosts_table(rows: &[HostsRow]) -> String {
    let mut table = Table::new([
        "hosts, taken in turn by",
        "hosts",
        "requests/s",
        "to one host",
        "min-max",
        "p50 µs",
        "p99 µs",
        "CPU µs/request, hosts",
        "nginx",
        "cores busy, hosts",
        "nginx",
        "least to most busy host",
    ]);
    for turns in [Turns::Clients, Turns::Nginx] {
        for row in rows.iter().filter(|row| row.turns == turns) {
            let (ratio, between) = to_one(rows, row).map(|spread| cells(spread, 2)).unwrap_or_default();
            let label = if turns == Turns::Clients { "clients" } else { "nginx" };
            table.row([
                label.to_owned(),
                row.hosts.to_string(),
                format!("{:.0}", row.median(|round| round.per_second)),
                ratio,
                between,
                format!("{:.0}", row.median(|round| round.p50_us)),
                format!("{:.0}", row.median(|round| round.p99_us)),
                format!("{:.1}", row.median(|round| round.hosts_us)),
                format!("{:.1}", row.median(|round| round.nginx_us)),
                format!("{:.2}", row.median(|round| round.hosts_busy)),
                format!("{:.2}", row.median(|round| round.nginx_busy)),
                format!("{:.2}", row.median(|round| round.evenness)),
            ]);
        }
    }
    table.to_string()
}

pub(super) fn tasks_text(rows: &[TasksRow]) -> String {
    let mut table = Table::new([
        "store",
        "tasks/s",
        "min-max",
        "p50 ms",
        "p99 ms",
        "CPU µs/task, host",
        "store",
        "cores busy, host",
        "store",
        "gets/task",
        "commands/task",
    ]);
    for row in rows {
        let rate = Spread::of(row.rounds.iter().map(|round| round.per_second));
        let (rate, between) = rate.map(|spread| cells(spread, 0)).unwrap_or_default();
        let has_commands = row.rounds.iter().all(|round| round.commands.is_some());
        let commands = row.median(|round| round.commands.unwrap_or_default());
        table.row([
            row.store.to_owned(),
            rate,
            between,
            format!("{:.0}", row.median(|round| round.p50_ms)),
            format!("{:.0}", row.median(|round| round.p99_ms)),
            format!("{:.0}", row.median(|round| round.host_us)),
            format!("{:.0}", row.median(|round| round.store_us)),
            format!("{:.2}", row.median(|round| round.host_busy)),
            format!("{:.2}", row.median(|round| round.store_busy)),
            format!("{:.1}", row.median(|round| round.gets)),
            if has_commands { format!("{commands:.1}") } else { String::new() },
        ]);
    }
    format!(
        "\n## Tasks, from their beginning to their end\n\nCalls of an echo tool that are tasks, begun and asked for until they have ended, by eight clients with \
         six tasks open each; one host, all on all cores. With SQLite the store is a thread of the host's, and counted there too.\n\n{table}"
    )
}

pub(super) fn sizes_text(sizes: &Sizes) -> String {
    let mut table = Table::new([
        "what is called",
        sizes.of,
        "CPU µs",
        "to the fewest",
        "min-max",
        "store's CPU µs",
        "calls/s",
        "p99 µs",
        "resident MiB",
    ]);
    let median = |values: &[f64], digits: usize| {
        Spread::of(values.iter().copied()).map_or_else(String::new, |spread| cells(spread, digits).0)
    };
    for row in &sizes.rows {
        let (ratio, between) = sizes.to_smallest(row).map(|spread| cells(spread, 2)).unwrap_or_default();
        table.row([
            row.what.clone(),
            row.size.to_string(),
            median(&row.cpu_us, 1),
            ratio,
            between,
            median(&row.store_us, 1),
            median(&row.per_second, 0),
            median(&row.p99_us, 0),
            mib(row.resident),
        ]);
    }
    let notes: String = sizes.notes.iter().map(|note| format!("\n{note}\n")).collect();
    format!(
        "\n## The cost of a call by the number of {}\n\nEach host on one core, the load from another; ratios within a round.\n\n{table}{notes}",
        sizes.of
    )
}
