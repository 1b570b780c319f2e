//! A tap between foreign clients and the host: passes every byte on as it comes, and keeps a copy. When all is said, what
//! the host said is held against the official schemas.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::conversation::Conversation;
use crate::events::Events;
use crate::http::{Reply, Request, read_chunk};

pub(crate) struct Tap {
    address: SocketAddr,
    wires: Arc<Mutex<Vec<Wire>>>,
}

/// A connection that passed through.
struct Wire {
    /// What went to the host, and what came back.
    ways: [JoinHandle<Vec<u8>>; 2],
}

impl Tap {
    /// Listens on a port of its own, and passes on to this address.
    pub(crate) fn before(host: SocketAddr) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let wires: Arc<Mutex<Vec<Wire>>> = Arc::default();
        let kept = Arc::clone(&wires);
        // It ends with the process; nobody calls any more when the test is over.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(host) = TcpStream::connect(host) else { continue };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Wire::between(&client, &host));
            }
        });
        Tap { address, wires }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Checks everything that the host said. It has ended, so nothing more will come.
    pub(crate) fn check(&self) {
        let wires = std::mem::take(&mut *self.wires.lock().unwrap_or_else(PoisonError::into_inner));
        let checked: usize = wires.into_iter().map(Wire::check).sum();
        assert!(checked > 0, "nobody said anything");
    }
}

impl Wire {
    fn between(client: &TcpStream, host: &TcpStream) -> Wire {
        let way = |from: &TcpStream, to: &TcpStream| {
            let (from, to) = (clone(from), clone(to));
            thread::spawn(move || pass(from, to))
        };
        Wire { ways: [way(client, host), way(host, client)] }
    }

    /// Checks the answers on this connection, and says how many there were.
    fn check(self) -> usize {
        let [requests, replies] = self.ways.map(|way| way.join().expect("passing on does not panic"));
        let (mut requests, mut replies) = (requests.as_slice(), BufReader::new(replies.as_slice()));
        let mut checked = 0;
        while let (Ok(request), Ok(reply)) = (Request::read(&mut requests), Reply::read_head(&mut replies)) {
            let mut conversation = Conversation::about(&request);
            hear(&mut conversation, reply, &mut replies).unwrap_or_else(|wrong| panic!("to {request:?}: {wrong}"));
            checked += 1;
        }
        checked
    }
}

/// Checks one answer, which may break off: a client may leave when it likes.
fn hear(conversation: &mut Conversation, mut reply: Reply, input: &mut BufReader<&[u8]>) -> Result<(), String> {
    if !reply.is_event_stream() {
        return if reply.read_body(input).is_ok() { conversation.hear(&reply) } else { Ok(()) };
    }
    let mut events = Events::default();
    while let Ok(Some(chunk)) = read_chunk(input) {
        events.push(&chunk);
    }
    events.filter_map(|event| event.message()).try_for_each(|message| conversation.hear_message(&message))
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("TCP_NODELAY can be set");
    stream.try_clone().expect("a socket can be shared")
}

/// Passes everything on, also the end, and gives what it was.
fn pass(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 64 * 1024]);
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        seen.extend_from_slice(&buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            // A client that leaves has cancelled; a host that ends is gone: whichever it is, the other is told at once.
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
            return seen;
        }
    }
}
