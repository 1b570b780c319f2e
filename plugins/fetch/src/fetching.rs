//! From a URL to what a server has there: redirects, robots.txt, bounds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use toolyard_plugin::http::{self, Response, Url};
use toolyard_plugin::{Context, Error, Result, config};

use crate::robots::Robots;

/// How often a page may be elsewhere.
const REDIRECTS_MAX: usize = 5;
/// Of all requests together.
const TIME_MAX: Duration = Duration::from_secs(20);
/// What is left of the call's time when the requests have had theirs: for converting the page, or saying what happened.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);
/// A page of text that is larger is not for reading. It is held several times over while it is converted.
pub(crate) const BODY_BYTES_MAX: usize = 4 << 20;
/// What RFC 9309 wants to be read at least.
const ROBOTS_BYTES_MAX: usize = 500 << 10;
const USER_AGENT: &str = concat!("toolyard-fetch/", env!("CARGO_PKG_VERSION"));

/// What was found.
pub(crate) struct Fetched {
    /// Where, after redirects.
    pub(crate) url: Url,
    /// Whether that is another place than was asked for.
    pub(crate) redirected: bool,
    /// As the server has it, such as `text/html; charset=utf-8`.
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// One call's way through the web.
struct Walk {
    user_agent: String,
    ignore_robots: bool,
    deadline: Instant,
    /// By origin.
    robots: HashMap<String, Robots>,
}

pub(crate) fn fetch(context: &Context, url: &str) -> Result<Fetched> {
    let mut url = Url::parse(url).map_err(Error::invalid_arguments)?;
    let mut walk = Walk::new(context)?;
    for hop in 0..=REDIRECTS_MAX {
        walk.ask_robots(&url)?;
        context.progress_of_unknown(hop, url.as_str());
        let response = walk.get(&url, ACCEPT)?;
        match response.redirect() {
            Some(to) => url = to.map_err(|wrong| failed(&url, &http::Error::BadRedirect(wrong.to_string())))?,
            None => return walk.read(url, hop > 0, response),
        }
    }
    Err(Error::failed(format_args!("{url}: there are more than {REDIRECTS_MAX} redirects")))
}

const ACCEPT: &str = "text/html, application/xhtml+xml, text/markdown, text/*;q=0.9, application/json;q=0.9, \
                      application/xml;q=0.9, image/*;q=0.8, */*;q=0.1";

impl Walk {
    fn new(context: &Context) -> Result<Self> {
        let user_agent = config::get("user_agent").filter(|text| !text.trim().is_empty());
        Ok(Self {
            user_agent: user_agent.unwrap_or_else(|| USER_AGENT.into()),
            ignore_robots: config::read("ignore_robots")?.unwrap_or(false),
            deadline: Instant::now() + context.time_left().saturating_sub(TIME_TO_ANSWER).min(TIME_MAX),
            robots: HashMap::new(),
        })
    }

    fn get(&self, url: &Url, accept: &str) -> Result<Response> {
        self.request(url, accept).send().map_err(|error| failed(url, &error))
    }

    fn request(&self, url: &Url, accept: &str) -> http::Request {
        let left = self.deadline.saturating_duration_since(Instant::now());
        http::get(url.as_str())
            .header("user-agent", &self.user_agent)
            .header("accept", accept)
            // Nothing here unpacks, and so nothing that is packed can be larger than it looks.
            .header("accept-encoding", "identity")
            .timeout(left)
    }

    fn read(&self, url: Url, redirected: bool, response: Response) -> Result<Fetched> {
        if !response.is_success() {
            return Err(Error::failed(format_args!("{url} answered with status {}", response.status())));
        }
        let encoding = response.header("content-encoding").unwrap_or("identity").trim().to_ascii_lowercase();
        if encoding != "identity" {
            return Err(Error::failed(format_args!(
                "{url} answered in `{}`, which was not asked for",
                encoding.escape_debug()
            )));
        }
        let content_type = response.header("content-type").unwrap_or_default().to_owned();
        let body = response.read_to_end(BODY_BYTES_MAX).map_err(|error| failed(&url, &error))?;
        Ok(Fetched { url, redirected, content_type, body })
    }

    /// Whether the site wants this to be fetched by programs: RFC 9309.
    fn ask_robots(&mut self, url: &Url) -> Result<()> {
        if self.ignore_robots {
            return Ok(());
        }
        let origin = url.origin().to_owned();
        if !self.robots.contains_key(&origin) {
            let robots = self.robots_of(&origin)?;
            self.robots.insert(origin.clone(), robots);
        }
        match self.robots[&origin].allows(url.path_and_query()) {
            true => Ok(()),
            false => Err(Error::denied(format_args!("{url}: the site's robots.txt asks programs not to fetch this"))),
        }
    }

    fn robots_of(&self, origin: &str) -> Result<Robots> {
        let url = Url::parse(&format!("{origin}/robots.txt"))?;
        let sent = self.request(&url, "text/plain").follow(5).send();
        let response = match sent {
            // Redirects without end are as good as nothing there: section 2.3.1.2.
            Err(http::Error::TooManyRedirects { .. } | http::Error::BadRedirect(_)) => return Ok(Robots::default()),
            Err(error) => return Err(failed(&url, &error)),
            Ok(response) => response,
        };
        match response.status() {
            200..=299 => {
                let (body, _) = response.read_up_to(ROBOTS_BYTES_MAX).map_err(|error| failed(&url, &error))?;
                Ok(Robots::read(&String::from_utf8_lossy(&body), &self.user_agent))
            }
            500.. => Err(Error::failed(format_args!(
                "{url} answered with status {}, so whether the site allows this is not known; try later",
                response.status()
            ))),
            _ => Ok(Robots::default()),
        }
    }
}

fn failed(url: &Url, error: &http::Error) -> Error {
    match error {
        http::Error::Denied => Error::denied(format_args!("{url}: {error}")),
        http::Error::TooMany => Error::retryable(format_args!("{url}: {error}")),
        _ => Error::failed(format_args!("{url}: {error}")),
    }
}
