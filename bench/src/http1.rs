//! Just enough HTTP/1.1 to read the answers of the servers measured here: a status line, headers, and a body with a
//! `Content-Length` or in chunks (RFC 9112). Not for anything from outside.

use std::borrow::Cow;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// The largest answer that is read, far above what any server here has to say.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long an answer may take before the server counts as stuck.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One whole answer.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    head: &'a [u8],
    pub(crate) body: Cow<'a, [u8]>,
    /// How many bytes of the input it took.
    pub(crate) taken: usize,
}

/// Reads an answer from the start of `bytes`; `None` when it is not all there yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Response<'_>>> {
    let Some(head) = Head::of(bytes)? else { return Ok(None) };
    let rest = &bytes[head.length..];
    let (body, taken) = match head.content_length {
        Some(length) if rest.len() < length => return Ok(None),
        Some(length) => (Cow::Borrowed(&rest[..length]), length),
        None => match unchunk(rest)? {
            Some((body, taken)) => (Cow::Owned(body), taken),
            None => return Ok(None),
        },
    };
    Ok(Some(Response { status: head.status, head: &bytes[..head.length], body, taken: head.length + taken }))
}

impl Response<'_> {
    /// The value of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.split(|byte| *byte == b'\n').skip(1);
        lines.find_map(|line| str::from_utf8(value_of(line, name)?).ok())
    }
}

/// A connection for one request after the other, for whatever is not measured by the load generator.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a whole request and waits for its answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.stream.write_all(request).context("cannot send a request")?;
        self.buffer.clear();
        let mut chunk = [0; 16 << 10];
        while parse(&self.buffer)?.is_none() {
            let count = self.stream.read(&mut chunk).context("no answer")?;
            ensure!(count > 0, "the server closed the connection instead of answering");
            self.buffer.extend_from_slice(&chunk[..count]);
            ensure!(self.buffer.len() <= ANSWER_BYTES_MAX, "an answer of more than {ANSWER_BYTES_MAX} bytes");
        }
        parse(&self.buffer)?.context("the answer was whole a moment ago")
    }
}

struct Head {
    status: u16,
    /// `None` for a body in chunks.
    content_length: Option<usize>,
    /// Of the status line and the headers, with the empty line after them.
    length: usize,
}

impl Head {
    fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let (mut status, mut content_length, mut chunked) = (None, None, false);
        let mut start = 0;
        while let Some(end) = bytes[start..].iter().position(|byte| *byte == b'\n') {
            let line = &bytes[start..start + end];
            start += end + 1;
            if status.is_none() {
                status = Some(number(line.get(9..12).unwrap_or_default()).context("not a status line")?);
            } else if line == b"\r" {
                ensure!(chunked || content_length.is_some(), "an answer with neither a length nor chunks");
                let status = u16::try_from(status.unwrap_or_default()).context("not a status")?;
                return Ok(Some(Self { status, content_length, length: start }));
            } else if let Some(value) = value_of(line, "content-length") {
                content_length = Some(number(value).context("not a Content-Length")?);
            } else if let Some(value) = value_of(line, "transfer-encoding") {
                chunked = value.eq_ignore_ascii_case(b"chunked");
            }
        }
        ensure!(bytes.len() <= ANSWER_BYTES_MAX, "headers without an end");
        Ok(None)
    }
}

fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (key, value) = line.split_at_checked(name.len())?;
    if !key.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    Some(value.strip_prefix(b":")?.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The body in the chunks at the start of `bytes` and how many bytes they take, once the last one is there.
fn unchunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let line = str::from_utf8(&bytes[at..at + end]).context("not the size of a chunk")?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).with_context(|| format!("not the size of a chunk: {size:?}"))?;
        ensure!(size <= ANSWER_BYTES_MAX, "a chunk of {size} bytes");
        at += end + 1;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            bail!("a chunk that does not end where it says");
        }
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nMcp-Session-Id: a b \r\n\r\nhello";
    const CHUNKS: &[u8] = b"HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n";

    #[test]
    fn whole_answers_are_read_and_no_more_than_those() {
        for (bytes, status) in [(LENGTH, 200), (CHUNKS, 400)] {
            let twice = [bytes, bytes].concat();
            let answer = parse(&twice).expect("legal").expect("whole");
            assert_eq!((answer.status, &*answer.body, answer.taken), (status, &b"hello"[..], bytes.len()));
        }
        let answer = parse(LENGTH).expect("legal").expect("whole");
        assert_eq!(answer.header("mcp-session-id"), Some("a b"));
        assert_eq!(answer.header("mcp"), None);
    }

    #[test]
    fn a_part_of_an_answer_is_not_an_answer() {
        for bytes in [LENGTH, CHUNKS] {
            for end in 0..bytes.len() {
                assert!(parse(&bytes[..end]).expect("legal so far").is_none(), "{end} bytes");
            }
        }
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        for bytes in [
            &b"nonsense that is long enough\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nDate: today\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
