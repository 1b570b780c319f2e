//! A name server that says what a test tells it, differently each time if need be.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The answers to one name: each lookup takes the next, and the last is for all that follow.
type Answers = Vec<Vec<IpAddr>>;

/// A name server on this machine.
pub struct Names {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The type of a record that holds an IPv4 address.
const A: u16 = 1;

/// The type of one that holds an IPv6 address.
const AAAA: u16 = 28;

/// The response code of a name that does not exist.
const NO_SUCH_NAME: u8 = 3;

impl Names {
    /// Knows these names. Addresses of one answer are set apart by spaces.
    pub fn new(names: &[(&str, &[&str])]) -> Names {
        let addresses =
            |answer: &&str| answer.split(' ').map(|text| text.parse().expect("an address")).collect::<Vec<IpAddr>>();
        let known: HashMap<String, Answers> =
            names.iter().map(|(name, answers)| ((*name).to_owned(), answers.iter().map(addresses).collect())).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        // It ends with the process; nobody asks any more when the test is over.
        thread::spawn(move || serve(&socket, &known, &kept));
        Names { address, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often somebody asked for the IPv4 addresses of this name.
    pub fn times_asked(&self, name: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == name).count()
    }

    /// All names whose IPv4 addresses somebody asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(socket: &UdpSocket, known: &HashMap<String, Answers>, asked: &Mutex<Vec<String>>) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = &buffer[..length];
        let Some((name, kind, question)) = question(query) else { continue };
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.iter().filter(|other| **other == name).count();
        if kind == A {
            asked.push(name.clone());
        }
        drop(asked);
        // The other kind of address is asked for beside: it belongs to the same lookup.
        let turn = if kind == A { before } else { before.saturating_sub(1) };
        let answer = known.get(&name).map(|answers| &answers[turn.min(answers.len() - 1)]);
        let _ = socket.send_to(&reply(query, question, kind, answer.map(Vec::as_slice)), from);
    }
}

/// The name that a query asks about, the type of record, and the question as it stands (RFC 1035, 4.1.2).
fn question(query: &[u8]) -> Option<(String, u16, &[u8])> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    Some((labels.join("."), kind, query.get(12..at + 4)?))
}

fn reply(query: &[u8], question: &[u8], kind: u16, answer: Option<&[IpAddr]>) -> Vec<u8> {
    let code = if answer.is_none() { NO_SUCH_NAME } else { 0 };
    let fitting = |address: &&IpAddr| (kind == A && address.is_ipv4()) || (kind == AAAA && address.is_ipv6());
    let addresses: Vec<&IpAddr> = answer.unwrap_or_default().iter().filter(fitting).collect();
    let count = u16::try_from(addresses.len()).expect("a few addresses").to_be_bytes();

    let mut reply = query[..2].to_vec();
    // An answer, with authority, to a question; recursion was wanted and is there.
    reply.extend([0x85, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    reply.extend(question);
    for address in addresses {
        // The name of the question; the type; the Internet; good for no time at all.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        match address {
            IpAddr::V4(address) => reply.extend([&[0, 4][..], &address.octets()].concat()),
            IpAddr::V6(address) => reply.extend([&[0, 16][..], &address.octets()].concat()),
        }
    }
    reply
}
