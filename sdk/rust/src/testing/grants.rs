//! What an operator would grant, for native tests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use crate::http::{Error, Request, Response};

/// What the plugin is granted in a test: nothing, until it is said.
///
/// ```
/// use toolyard_plugin::{config, http, keyvalue, testing::Grants};
///
/// let grants = Grants::none()
///     .config("region", "eu")
///     .keyvalue()
///     .http(|request| Ok(http::Response::new(200).with_body(format!("this is {}", request.url()))));
/// grants.run(|| {
///     assert_eq!(config::get("region").unwrap(), "eu");
///     keyvalue::Store::open()?.set("a", "1")?;
///     assert_eq!(http::get("https://example.com/x").send()?.text(100)?, "this is https://example.com/x");
///     Ok::<(), toolyard_plugin::Error>(())
/// }).unwrap();
/// assert_eq!(keyvalue::Store::open().unwrap_err(), keyvalue::Error::Denied);
/// ```
#[derive(Default)]
pub struct Grants {
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) keyvalue: Option<BTreeMap<String, Vec<u8>>>,
    pub(crate) http: Option<Box<Server>>,
}

type Server = dyn FnMut(&Request) -> Result<Response, Error>;

thread_local! {
    static GRANTED: RefCell<Grants> = RefCell::default();
}

impl Grants {
    /// Nothing is granted.
    pub fn none() -> Self {
        Self::default()
    }

    /// A setting, or a secret that the plugin may read.
    #[must_use]
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A store, which is empty and there while [`Grants::run`] runs.
    #[must_use]
    pub fn keyvalue(mut self) -> Self {
        self.keyvalue = Some(BTreeMap::new());
        self
    }

    /// Requests, which `server` answers. For those that would not be granted, that is [`Error::Denied`].
    #[must_use]
    pub fn http(mut self, server: impl FnMut(&Request) -> Result<Response, Error> + 'static) -> Self {
        self.http = Some(Box::new(server));
        self
    }

    /// Runs `work` on this thread with this granted.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        /// Puts back what was granted before, also if a test fails.
        struct Before(Option<Grants>);
        impl Drop for Before {
            fn drop(&mut self) {
                GRANTED.set(self.0.take().unwrap_or_default());
            }
        }
        let _before = Before(Some(GRANTED.replace(self)));
        work()
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants").field("config", &self.config).field("keyvalue", &self.keyvalue).finish_non_exhaustive()
    }
}

pub(crate) fn with<R>(work: impl FnOnce(&mut Grants) -> R) -> R {
    GRANTED.with_borrow_mut(work)
}

/// Answers a request as the test says.
pub(crate) fn serve(request: &Request) -> Result<Response, Error> {
    // Taken out meanwhile, since the server may use what is granted itself.
    let Some(mut server) = with(|grants| grants.http.take()) else { return Err(Error::Denied) };
    let response = server(request);
    with(|grants| grants.http = Some(server));
    response
}
