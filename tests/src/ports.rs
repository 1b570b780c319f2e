//! Ports that nobody takes while who had them is away.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// From 32768 on, systems give ports out by themselves: to who asks for any, and to every connection. Here they do not.
const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

/// An address on loopback for a server that is to be ended and started again there. None is given twice.
pub(crate) fn lasting() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        // Other processes begin elsewhere.
        let place = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % COUNT).expect("it is below 32768");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port of {FIRST} to {} is free", FIRST + COUNT);
}
