//! Following redirects, if the request says so: RFC 9110, section 15.4.

use std::time::Instant;

use super::{Error, Request, Response, exchange};

/// Headers that are meant for the server they were written for.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "cookie2", "proxy-authorization"];

pub(super) fn send(mut request: Request, deadline: Instant) -> Result<Response, Error> {
    let redirects_max = request.redirects_max;
    for _ in 0..=redirects_max {
        let response = exchange(&request, deadline)?;
        match response.redirect() {
            Some(_) if redirects_max == 0 => return Ok(response),
            None => return Ok(response),
            Some(to) => {
                let to = to.map_err(|wrong| Error::BadRedirect(wrong.to_string()))?;
                request = redirected(request, response.status(), to);
            }
        }
    }
    Err(Error::TooManyRedirects { redirects_max })
}

fn redirected(mut request: Request, status: u16, to: super::Url) -> Request {
    if request.url().origin() != to.origin() {
        request.headers.retain(|(name, _)| !CREDENTIALS.iter().any(|credential| name.eq_ignore_ascii_case(credential)));
    }
    // 307 and 308 say: the same again. The others mean that what was posted arrived, and the answer is elsewhere.
    let again = matches!(status, 307 | 308) || matches!(request.method.as_str(), "GET" | "HEAD");
    if !again {
        request.method = "GET".into();
        request.body = Vec::new();
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    request.url = Ok(to);
    request
}
