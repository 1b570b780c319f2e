//! Attacks by code: processors, memory, handles, and the host's own functions.

use super::Told::{Fails, Says, Something};
use super::{Attack, Counted, LITTLE_CPU, LITTLE_TIME, contained, setup};

const fn cpu(name: &'static str) -> Attack {
    Attack {
        name,
        config: LITTLE_CPU,
        told: Fails(&["150 ms of processor time"]),
        counted: Counted::Limit("cpu_ms_max"),
    }
}

const fn waits(name: &'static str) -> Attack {
    Attack { name, config: LITTLE_TIME, told: Fails(&["300 ms"]), counted: Counted::Limit("timeout_ms_max") }
}

const fn memory(name: &'static str) -> Attack {
    Attack { name, config: "", told: Fails(&["memory", "33554432"]), counted: Counted::Limit("memory_bytes_max") }
}

const fn too_large(name: &'static str) -> Attack {
    Attack { name, config: "", told: Fails(&["1048576 bytes"]), counted: Counted::Limit("output_bytes_max") }
}

const fn too_many_handles(name: &'static str) -> Attack {
    Attack { name, config: "", told: Fails(&["1024 handles"]), counted: Counted::Limit("handles_max") }
}

const fn traps(name: &'static str) -> Attack {
    Attack { name, config: "", told: Fails(&["stopped"]), counted: Counted::Nothing }
}

const fn says(name: &'static str, text: &'static str) -> Attack {
    Attack { name, config: "", told: Says(text), counted: Counted::Nothing }
}

#[test]
fn on_processors_and_time() {
    let attacks = [
        cpu("endless-loop"),
        cpu("endless-host-calls"),
        cpu("endless-random"),
        cpu("poll-without-waiting"),
        cpu("poll-one-many-times"),
        cpu("environment-flood"),
        cpu("log-for-ever"),
        // It meets the end of its own stack or that of the host's for it, whichever comes first.
        traps("deep-recursion"),
        traps("mutual-recursion"),
        waits("sleep-for-ever"),
        waits("sleep-beyond-time"),
        too_many_handles("poll-thousands"),
        traps("poll-nothing"),
        traps("exit-well"),
        traps("exit-badly"),
        traps("abort"),
        traps("panic-with-forged-line"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    host.stop();
}

#[test]
fn on_memory() {
    let attacks = [
        says("memory-page-by-page", "has 512 pages"),
        says("memory-at-once", "grown: false"),
        memory("memory-small-pieces"),
        cpu("memory-again-after-refusal"),
        says("memory-all-of-it-touched", "touched 24"),
        cpu("memory-while-looping"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    host.stop();
}

#[test]
fn on_what_the_host_makes() {
    let attacks = [
        traps("random-all-at-once"),
        traps("random-gigabytes"),
        traps("random-megabytes"),
        traps("insecure-random-megabytes"),
        traps("zeroes-without-end"),
        too_large("write-beyond-what-is-taken"),
        says("splice-without-end", "closed 1000"),
        says("read-without-end", "Err(StreamError::Closed) Err(StreamError::Closed)"),
        too_large("huge-argument"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    host.stop();
}

#[test]
fn on_handles() {
    let attacks = [
        traps("keeps-streams"),
        traps("keeps-pollables"),
        traps("keeps-networks"),
        Attack { told: Something, ..traps("keeps-sockets") },
        Attack { told: Something, ..traps("keeps-udp-sockets") },
        Attack { told: Something, ..traps("keeps-headers") },
        says("keeps-some-of-all", "kept"),
        traps("use-after-drop"),
        traps("drop-twice"),
        traps("guessed-handle"),
        traps("handle-of-another-kind"),
        traps("parent-before-child"),
    ];
    let host = setup(&attacks).start();
    let files = |host: &toolyard_tests::Host| {
        std::fs::read_dir(format!("/proc/{}/fd", host.pid())).expect("the host runs").count()
    };
    let before = files(&host);
    contained(&host, &attacks);
    toolyard_tests::eventually("the files to be closed", || (files(&host) <= before + 8).then_some(()));
    host.stop();
}

#[test]
fn on_the_hosts_way_back() {
    let attacks = [
        traps("reentry-from-allocation"),
        traps("reentry-from-clean-up"),
        cpu("loop-in-allocation"),
        cpu("loop-in-clean-up"),
        traps("room-in-the-wrong-place"),
    ];
    let host = setup(&attacks).start();
    contained(&host, &attacks);
    host.stop();
}
