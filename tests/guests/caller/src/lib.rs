//! A plugin that calls the outside world as it is told, and tells what came of it: how it is refused, too.

mod http;
mod sockets;

#[toolyard_plugin::plugin]
pub mod caller {
    use toolyard_plugin::{JsonSchema, Serialize};

    use crate::{http, sockets};

    /// What came of a request: an answer, or an error in the words of `wasi:http`.
    #[derive(Default, Serialize, JsonSchema)]
    pub struct Fetched {
        pub status: Option<u16>,
        /// `Name: value`, as they came.
        pub headers: Vec<String>,
        /// As much of the body as came.
        pub body: String,
        pub error: Option<String>,
    }

    /// Sends a request, and reads the answer.
    pub fn fetch(
        /// `SCHEME://AUTHORITY/PATH`, each handed to the host as it stands here.
        url: String,
        #[arg(default = "GET")] method: String,
        /// `Name: value`.
        headers: Option<Vec<String>>,
        body: Option<String>,
    ) -> Fetched {
        let body = body.map(String::into_bytes);
        http::fetch(&url, &method, &headers.unwrap_or_default(), body.as_deref())
    }

    /// Sends a body of so many bytes, in pieces, and reads the answer.
    pub fn upload(url: String, bytes: u64, headers: Option<Vec<String>>) -> Fetched {
        http::upload(&url, bytes, &headers.unwrap_or_default())
    }

    /// Begins so many requests, and only then looks at their answers, without ending any: what each came to.
    pub fn fetch_together(url: String, count: u32) -> Vec<String> {
        http::fetch_together(&url, count)
    }

    /// Sends so many requests one after the other: what each came to.
    pub fn fetch_in_turn(url: String, count: u32) -> Vec<String> {
        (0..count).map(|_| http::outcome(&http::fetch(&url, "GET", &[], None))).collect()
    }

    /// Follows where a server says to go, as a client does that trusts servers.
    pub fn follow(url: String) -> Fetched {
        let first = http::fetch(&url, "GET", &[], None);
        let location = first.headers.iter().find_map(|header| header.strip_prefix("location: ")).map(str::to_owned);
        location.map_or(first, |location| http::fetch(&location, "GET", &[], None))
    }

    /// Connects, says something, and gives what it was told.
    pub fn connect(host: String, port: u16, #[arg(default = "")] say: String) -> String {
        sockets::connect(&host, port, &say)
    }

    /// Opens so many connections without ending any: what each came to.
    pub fn connect_together(host: String, port: u16, count: u32) -> Vec<String> {
        sockets::connect_together(&host, port, count)
    }

    /// The addresses of a name.
    pub fn look_up(name: String) -> String {
        sockets::look_up(&name)
    }

    /// Waits for connections, or says why it cannot.
    pub fn listen(address: String) -> String {
        sockets::listen(&address)
    }

    /// Sends a datagram, or says why it cannot.
    pub fn datagram(to: String) -> String {
        sockets::datagram(&to)
    }
}
