//! A server for guests to call, over HTTP or HTTPS. It keeps what it was asked, and does not always behave.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::authority::Authority;
use crate::http::Request;

/// What a [`Site`] does with a request.
pub enum Answer {
    /// Says this, and ends.
    Bytes(Vec<u8>),
    /// Says the first, and then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Says this, perhaps nothing, and then is silent until the other side ends.
    Silence(Vec<u8>),
}

/// A server on this machine.
pub struct Site {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    open: AtomicUsize,
}

type React = dyn Fn(&Request) -> Answer + Send + Sync;

impl Answer {
    /// A whole response.
    pub fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        Answer::Bytes(format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes())
    }

    /// A body in plain text.
    pub fn text(body: &str) -> Answer {
        Answer::new(200, &[("Content-Type", "text/plain")], body)
    }
}

impl Site {
    /// A site that says so to everything.
    pub fn saying(body: &'static str) -> Site {
        Site::open(move |_| Answer::text(body))
    }

    pub fn open(react: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Site {
        Site::at("127.0.0.1:0", react)
    }

    /// At an address of this machine.
    pub fn at(address: &str, react: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Site {
        Site::serve(address, None, Arc::new(react))
    }

    /// Over HTTPS, with a certificate for `name`.
    pub fn secured(
        authority: &Authority,
        name: &str,
        react: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Site {
        Site::serve("127.0.0.1:0", Some(authority.server(name)), Arc::new(react))
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://ADDRESS`, with no slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The only request so far.
    pub fn seen_once(&self) -> Request {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    fn serve(address: &str, tls: Option<Arc<ServerConfig>>, react: Arc<React>) -> Site {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address} cannot be had: {error}"));
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        // It ends with the process; nobody calls any more when the test is over.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                let (state, tls, react) = (Arc::clone(&shared), tls.clone(), Arc::clone(&react));
                thread::spawn(move || {
                    // Whoever calls may leave when it likes.
                    let _ = talk(stream, tls, &state, &*react);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Site { address, state }
    }
}

fn talk(stream: TcpStream, tls: Option<Arc<ServerConfig>>, state: &State, react: &React) -> io::Result<()> {
    match tls {
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            answer(StreamOwned::new(connection, stream), state, react)
        }
        None => answer(stream, state, react),
    }
}

fn answer(stream: impl Read + Write, state: &State, react: &React) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = Request::read(&mut stream)?;
    let answer = react(&request);
    state.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let output = stream.get_mut();
    match answer {
        Answer::Bytes(bytes) => output.write_all(&bytes)?,
        Answer::Endless(first, then) => {
            output.write_all(&first)?;
            loop {
                output.write_all(&then)?;
            }
        }
        Answer::Silence(bytes) => {
            output.write_all(&bytes)?;
            output.flush()?;
            io::copy(&mut stream, &mut io::sink())?;
        }
    }
    stream.get_mut().flush()
}
