//! Plain functions over WASI: what one finds in a registry of components, and what any host runs that has WASI 0.2.

mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({
        inline: "
            package example:pages@1.2.0;

            interface pages {
                record page {
                    status: u16,
                    body: string,
                }
                get: func(url: string) -> result<page, string>;
            }

            world borrowed {
                export pages;
                export greeting: func() -> option<string>;
                export read-file: func(path: string) -> result<string, string>;
            }
        ",
        world: "borrowed",
    });
    export!(Borrowed with_types_in self);
    use super::Borrowed;
}

use bindings::exports::example::pages::pages::{Guest, Page};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

struct Borrowed;

impl bindings::Guest for Borrowed {
    #[allow(clippy::print_stderr, reason = "components of other hosts do")]
    fn greeting() -> Option<String> {
        eprintln!("looking at the environment");
        std::env::var("GREETING").ok()
    }

    fn read_file(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

impl Guest for Borrowed {
    fn get(url: String) -> Result<Page, String> {
        let response = send(&url)?;
        let body = read(&response)?;
        Ok(Page { status: response.status(), body })
    }
}

fn send(url: &str) -> Result<IncomingResponse, String> {
    let rest = url.strip_prefix("http://").ok_or("only http: is understood")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).map_err(|()| "no scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "no authority")?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(|()| "no path")?;
    let future = handle(request, None).map_err(|code| code.to_string())?;
    future.subscribe().block();
    let answer = future.get().ok_or("no answer")?.map_err(|()| "the answer was taken already")?;
    answer.map_err(|code| code.to_string())
}

fn read(response: &IncomingResponse) -> Result<String, String> {
    let body = response.consume().map_err(|()| "the body was taken already")?;
    let stream = body.stream().map_err(|()| "the stream was taken already")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(8192) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => return String::from_utf8(bytes).map_err(|error| error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
}
