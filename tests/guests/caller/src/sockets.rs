//! By sockets, through Rust's own library.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

pub(crate) fn connect(host: &str, port: u16, say: &str) -> String {
    told(TcpStream::connect((host, port)).and_then(|mut stream| {
        stream.write_all(say.as_bytes())?;
        let mut told = String::new();
        stream.read_to_string(&mut told)?;
        Ok(told)
    }))
}

pub(crate) fn connect_together(host: &str, port: u16, count: u32) -> Vec<String> {
    let streams: Vec<io::Result<TcpStream>> = (0..count).map(|_| TcpStream::connect((host, port))).collect();
    streams.into_iter().map(|stream| told(stream.map(|_| "connected".to_owned()))).collect()
}

pub(crate) fn look_up(name: &str) -> String {
    told((name, 0).to_socket_addrs().map(|addresses| {
        let addresses: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
        addresses.join(" ")
    }))
}

pub(crate) fn listen(address: &str) -> String {
    told(TcpListener::bind(address).map(|_| "listening".to_owned()))
}

pub(crate) fn datagram(to: &str) -> String {
    told(UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"hello", to)).map(|_| "sent".to_owned()))
}

fn told(result: io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("error: {error:?}"))
}
