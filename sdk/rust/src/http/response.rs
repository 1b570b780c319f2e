//! What a server answered.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{BadUrl, Error, Url};

/// The head of a response, and a body that is read with a bound.
pub struct Response {
    status: u16,
    url: Option<Url>,
    headers: Vec<(String, String)>,
    body: Body,
}

/// Where the body comes from.
enum Body {
    Here(std::io::Cursor<Vec<u8>>),
    #[cfg(target_family = "wasm")]
    Wire(super::wire::Body),
}

/// How much is asked of the host at once.
const CHUNK_BYTES: usize = 64 << 10;

impl Response {
    /// A response for [`Grants::http`](https://docs.rs/toolyard-plugin) to give in a native test.
    pub fn new(status: u16) -> Self {
        Self { status, url: None, headers: Vec::new(), body: Body::Here(std::io::Cursor::default()) }
    }

    /// With another header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Here(std::io::Cursor::new(body.into()));
        self
    }

    #[cfg(target_family = "wasm")]
    pub(super) fn received(url: Url, status: u16, headers: Vec<(String, String)>, body: super::wire::Body) -> Self {
        Self { status, url: Some(url), headers, body: Body::Wire(body) }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(super) fn set_url(&mut self, url: Url) {
        self.url = Some(url);
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The response, if it is a success.
    ///
    /// # Errors
    /// [`Error::Status`] if it is not.
    pub fn error_for_status(self) -> Result<Self, Error> {
        if self.is_success() { Ok(self) } else { Err(Error::Status(self.status)) }
    }

    /// Where it came from: after redirects, the last place.
    pub fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// The first header of this name, however it is capitalized.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All headers, in order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Where the server sends the client instead, if it does.
    ///
    /// # Errors
    /// That this is no place an HTTP request could go to.
    pub fn redirect(&self) -> Option<Result<Url, BadUrl>> {
        let here = self.url.as_ref()?;
        let location = matches!(self.status, 301 | 302 | 303 | 307 | 308).then(|| self.header("location")).flatten()?;
        Some(here.join(location))
    }

    /// The body.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it has more than `bytes_max`, and that it broke off.
    pub fn read_to_end(self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        match self.read_up_to(bytes_max)? {
            (body, true) => Ok(body),
            (_, false) => Err(Error::TooLarge { bytes_max: u64::try_from(bytes_max).ok() }),
        }
    }

    /// The body up to `bytes_max`, and whether that was all of it.
    ///
    /// # Errors
    /// That it broke off before.
    pub fn read_up_to(mut self, bytes_max: usize) -> Result<(Vec<u8>, bool), Error> {
        let mut all = Vec::new();
        while let Some(mut chunk) = self.body.next()? {
            if chunk.len() > bytes_max - all.len() {
                chunk.truncate(bytes_max - all.len());
                all.append(&mut chunk);
                return Ok((all, false));
            }
            all.append(&mut chunk);
        }
        Ok((all, true))
    }

    /// The body as text, which is UTF-8.
    ///
    /// # Errors
    /// That it is not, and those of [`Response::read_to_end`].
    pub fn text(self, bytes_max: usize) -> Result<String, Error> {
        let bytes = self.read_to_end(bytes_max)?;
        String::from_utf8(bytes).map_err(|_| Error::Response("it is not text in UTF-8".into()))
    }

    /// The body, which is JSON.
    ///
    /// # Errors
    /// That it is not, or not of that shape, and those of [`Response::read_to_end`].
    pub fn json<T: DeserializeOwned>(self, bytes_max: usize) -> Result<T, Error> {
        let bytes = self.read_to_end(bytes_max)?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Response(format!("it is not the JSON expected: {error}")))
    }
}

impl Body {
    /// The next bytes; none at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Here(bytes) => {
                let mut chunk = Vec::new();
                let read = std::io::Read::take(bytes, CHUNK_BYTES as u64);
                std::io::Read::read_to_end(&mut { read }, &mut chunk)
                    .map_err(|error| Error::Response(error.to_string()))?;
                Ok((!chunk.is_empty()).then_some(chunk))
            }
            #[cfg(target_family = "wasm")]
            Self::Wire(body) => body.next(CHUNK_BYTES as u64),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, url, headers, body: _ } = self;
        f.debug_struct("Response")
            .field("status", status)
            .field("url", url)
            .field("headers", headers)
            .finish_non_exhaustive()
    }
}
