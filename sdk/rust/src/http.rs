//! Requests to other servers: a small blocking client over `wasi:http`.
//!
//! It reaches what the operator granted in `[[plugin.NAME.grants.http]]`, and nothing else. Secrets for other services need not
//! be with the plugin: the operator can have the host add them to requests on their way out.
//!
//! ```
//! use std::time::Duration;
//! use toolyard_plugin::{Result, http};
//!
//! fn weather(city: &str) -> Result<String> {
//!     let url = http::Url::parse("https://weather.example/v1/now")?.with_query(&[("city", city)]);
//!     let response = http::get(url.as_str()).header("accept", "text/plain").timeout(Duration::from_secs(5)).send()?;
//!     Ok(response.error_for_status()?.text(10_000)?)
//! }
//! # let server = |request: &http::Request| Ok(http::Response::new(200).with_body(request.url().path_and_query().to_owned()));
//! # toolyard_plugin::testing::Grants::none().http(server).run(|| {
//! #     assert_eq!(weather("Köln & Bonn").unwrap(), "/v1/now?city=K%C3%B6ln%20%26%20Bonn");
//! # });
//! ```

mod error;
mod redirect;
mod response;
mod url;
#[cfg(target_family = "wasm")]
mod wire;

use std::time::{Duration, Instant};

use serde::Serialize;

pub use self::error::Error;
pub use self::response::Response;
pub use self::url::{BadUrl, Url};

/// How long a request may take that says nothing else: less than the host usually gives a call, so that the plugin gets to say
/// what happened.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request that is not sent yet.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    // A mistake in it shows when it is sent, so that building one needs no `?` in the middle.
    url: Result<Url, BadUrl>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
    redirects_max: u32,
    unwritten: Option<String>,
}

/// A GET request.
pub fn get(url: &str) -> Request {
    Request::new("GET", url)
}

/// A POST request.
pub fn post(url: &str) -> Request {
    Request::new("POST", url)
}

impl Request {
    /// A request of any method.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: Url::parse(url),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: TIMEOUT,
            redirects_max: 0,
            unwritten: None,
        }
    }

    /// A GET request.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// A HEAD request.
    pub fn head(url: &str) -> Self {
        Self::new("HEAD", url)
    }

    /// A POST request.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// A PUT request.
    pub fn put(url: &str) -> Self {
        Self::new("PUT", url)
    }

    /// A DELETE request.
    pub fn delete(url: &str) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. `Host`, and what belongs to the connection, is for the host to set: sending says so.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to `value` as JSON, and says so in a header.
    #[must_use]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => {
                self.unwritten = Some(error.to_string());
                self
            }
        }
    }

    /// How long all of it may take, redirects and reading the body included. The default is 20 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Follows up to `redirects_max` redirects; without this none is. Each place is held against what is granted, as if
    /// it had been asked for in the first place, and another server is not sent this one's credentials.
    #[must_use]
    pub fn follow(mut self, redirects_max: u32) -> Self {
        self.redirects_max = redirects_max;
        self
    }

    /// Sends it, and waits for the head of the response.
    ///
    /// A status such as 404 is a response, too: [`Response::error_for_status`] makes an error of it.
    ///
    /// # Errors
    /// That it was not granted, that nobody was there, that it took too long: [`Error`] has them all.
    pub fn send(self) -> Result<Response, Error> {
        if let Some(reason) = self.unwritten {
            return Err(Error::InvalidRequest(format!("the body cannot be said in JSON: {reason}")));
        }
        if let Err(wrong) = self.url {
            return Err(wrong.into());
        }
        let deadline = Instant::now() + self.timeout;
        redirect::send(self, deadline)
    }

    /// The method, as it was given.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Where it goes.
    ///
    /// # Panics
    /// If the request was made with something that is no URL; one that is being sent never is.
    pub fn url(&self) -> &Url {
        match &self.url {
            Ok(url) => url,
            Err(wrong) => panic!("{wrong}"),
        }
    }

    /// The headers that were added, in order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body.
    pub fn sent_body(&self) -> &[u8] {
        &self.body
    }
}

/// Sends one request, without following.
#[cfg(target_family = "wasm")]
fn exchange(request: &Request, deadline: Instant) -> Result<Response, Error> {
    wire::send(request, deadline)
}

#[cfg(not(target_family = "wasm"))]
fn exchange(request: &Request, _deadline: Instant) -> Result<Response, Error> {
    let mut response = crate::testing::grants::serve(request)?;
    response.set_url(request.url().clone());
    Ok(response)
}
