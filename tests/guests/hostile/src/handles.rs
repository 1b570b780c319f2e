//! Handles that are kept, dropped twice, guessed, or taken for others.

use std::mem::forget;

use wasip2::cli::stdout;
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::Fields;
use wasip2::io::poll::Pollable;
use wasip2::io::streams::OutputStream;
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::{instance_network, tcp_create_socket, udp_create_socket};

use crate::{Attack, Told, say};

pub(crate) const ATTACKS: &[Attack] = &[
    ("keeps-streams", keeps_streams),
    ("keeps-pollables", keeps_pollables),
    ("keeps-sockets", keeps_sockets),
    ("keeps-udp-sockets", keeps_udp_sockets),
    ("keeps-networks", keeps_networks),
    ("keeps-headers", keeps_headers),
    ("keeps-some-of-all", keeps_some_of_all),
    ("use-after-drop", use_after_drop),
    ("drop-twice", drop_twice),
    ("guessed-handle", guessed_handle),
    ("handle-of-another-kind", handle_of_another_kind),
    ("parent-before-child", parent_before_child),
];

fn keeps_streams() -> Told {
    loop {
        forget(stdout::get_stdout());
    }
}

fn keeps_pollables() -> Told {
    loop {
        forget(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

fn keeps_networks() -> Told {
    loop {
        forget(instance_network::instance_network());
    }
}

/// Each would be a file of the host's.
fn keeps_sockets() -> Told {
    let mut kept = Vec::new();
    loop {
        match tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => kept.push(socket),
            Err(code) => return say(format!("kept {}, then {code:?}", kept.len())),
        }
    }
}

fn keeps_udp_sockets() -> Told {
    let mut kept = Vec::new();
    loop {
        match udp_create_socket::create_udp_socket(IpAddressFamily::Ipv6) {
            Ok(socket) => kept.push(socket),
            Err(code) => return say(format!("kept {}, then {code:?}", kept.len())),
        }
    }
}

/// Each is as large as the host takes it: together they would be gigabytes.
fn keeps_headers() -> Told {
    let value = vec![b'h'; 60_000];
    loop {
        let fields = Fields::new();
        if let Err(error) = fields.append("x", &value) {
            return say(format!("{error:?}"));
        }
        forget(fields);
    }
}

/// Keeps less than it may, and comes back: what it kept is to end with the call.
fn keeps_some_of_all() -> Told {
    for _ in 0..200 {
        forget(stdout::get_stdout());
        forget(monotonic_clock::subscribe_duration(u64::MAX));
        forget(Fields::new());
    }
    for _ in 0..20 {
        forget(tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4));
    }
    say("kept")
}

fn use_after_drop() -> Told {
    let stream = stdout::get_stdout();
    let number = stream.handle();
    drop(stream);
    let again = made_up_stream(number);
    say(format!("{:?}", again.check_write()))
}

fn drop_twice() -> Told {
    let stream = stdout::get_stdout();
    let number = stream.handle();
    drop(stream);
    drop(made_up_stream(number));
    say("dropped")
}

fn guessed_handle() -> Told {
    // It is nobody's, and must not become somebody else's.
    for number in (0..u32::MAX).rev() {
        let guessed = made_up_stream(number);
        let told = guessed.write(b"guessed");
        forget(guessed);
        if told.is_ok() {
            return say("guessed");
        }
    }
    say("not guessed")
}

fn handle_of_another_kind() -> Told {
    let clock = monotonic_clock::subscribe_duration(0);
    let stream = made_up_stream(clock.handle());
    let told = stream.write(b"clocks are no streams");
    forget(stream);
    say(format!("{told:?}"))
}

/// A stream must not go before what waits for it.
fn parent_before_child() -> Told {
    let stream = stdout::get_stdout();
    let waits: Pollable = stream.subscribe();
    drop(stream);
    waits.block();
    say("waited")
}

fn made_up_stream(number: u32) -> OutputStream {
    #[expect(unsafe_code, reason = "the host must not believe what a guest calls a handle")]
    unsafe {
        OutputStream::from_handle(number)
    }
}
