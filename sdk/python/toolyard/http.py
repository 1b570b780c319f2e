"""Requests to other servers: a small blocking client over `wasi:http`, in the manner of `requests`.

It reaches what the operator granted in `[[plugin.NAME.grants.http]]`, and nothing else. Secrets for other services need not be with the plugin: the
operator can have the host add them to requests on their way out.
"""

import json as _json
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import host
from .errors import ToolError
from .values import json_text

# How long a request may take that says nothing else: less than the host usually gives a call, so that the plugin gets to say what happened.
TIMEOUT_S = 20.0
# How much of a body is read by `content`, `text` and `json()` if nothing else is said.
BODY_BYTES_MAX = 4 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Error(ToolError):
    """Why a request got no response, in a sentence that may be shown to the caller's model."""


class InvalidRequest(Error):
    """The request is not one, or has a header that is not the plugin's to set."""


class Denied(Error):
    """It was not granted. The host's log says what is missing."""


class ConnectError(Error):
    """There is no connection to the server, or none that can be trusted."""


class Timeout(Error):
    """It took longer than it may."""


class TooLarge(Error):
    """The response has more bytes than it may."""


class RedirectError(Error):
    """There are too many redirects, or one leads nowhere."""


class StatusError(Error):
    """The server answered with a status that is no success."""

    def __init__(self, status: int):
        super().__init__(f"the server answered with status {status}")
        self.status = status


class ResponseError(Error):
    """The response broke off, or is not what it says it is."""


class Headers(Mapping[str, str]):
    """Headers by their names, whatever their case. Those that stand several times are joined with commas."""

    def __init__(self, pairs: list[tuple[str, str]]):
        self.pairs = pairs
        self._joined: dict[str, str] = {}
        for name, value in pairs:
            name = name.lower()
            self._joined[name] = f"{self._joined[name]}, {value}" if name in self._joined else value

    def __getitem__(self, name: str) -> str:
        return self._joined[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined)

    def __len__(self) -> int:
        return len(self._joined)


@dataclass
class Request:
    """One request as it goes out."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def parts(self) -> urllib.parse.SplitResult:
        return urllib.parse.urlsplit(self.url)

    @property
    def target(self) -> str:
        """The path and the query."""
        parts = self.parts
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Response:
    """What a server answered. The body is read when it is asked for, and once."""

    def __init__(self, status_code: int, headers: Any = (), body: bytes | Iterator[bytes] = b"", url: str = ""):
        self.status_code = status_code
        self.headers = Headers(list(headers.items() if isinstance(headers, Mapping) else headers))
        self.url = url
        self.bytes_max = BODY_BYTES_MAX
        self._chunks = iter([body] if isinstance(body, bytes) else body)
        self._content: bytes | None = None

    @property
    def ok(self) -> bool:
        """Whether the status says that it worked."""
        return 200 <= self.status_code < 300

    def raise_for_status(self) -> "Response":
        """Makes an error of a status that is no success."""
        if not self.ok:
            raise StatusError(self.status_code)
        return self

    def iter_content(self) -> Iterator[bytes]:
        """The body in the parts in which it arrives, without a bound."""
        return self._chunks

    @property
    def content(self) -> bytes:
        """The body. `TooLarge` is raised where it has more than `bytes_max` bytes."""
        if self._content is None:
            found, whole = self.read_up_to(self.bytes_max)
            if not whole:
                raise TooLarge(f"the response is larger than {self.bytes_max} bytes")
            self._content = found
        return self._content

    def read_up_to(self, bytes_max: int) -> tuple[bytes, bool]:
        """The beginning of the body, and whether that is all of it."""
        read = bytearray()
        for chunk in self._chunks:
            read += chunk
            if len(read) > bytes_max:
                return bytes(read[:bytes_max]), False
        return bytes(read), True

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server names, or else UTF-8."""
        kind = self.headers.get("content-type", "")
        charset = kind.lower().partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, which is JSON."""
        try:
            return _json.loads(self.content)
        except ValueError as error:
            raise ResponseError(f"the server's response cannot be used: {error}") from error


def get(url: str, **options: Any) -> Response:
    """A GET request; the options are those of `request`."""
    return request("GET", url, **options)


def head(url: str, **options: Any) -> Response:
    return request("HEAD", url, **options)


def post(url: str, **options: Any) -> Response:
    """A POST request; the options are those of `request`."""
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    return request("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    return request("DELETE", url, **options)


def request(
    method: str,
    url: str,
    *,
    params: Mapping[str, Any] | list[tuple[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
    data: bytes | str | Mapping[str, Any] | None = None,
    json: Any = None,
    timeout: float = TIMEOUT_S,
    redirects_max: int = 0,
    bytes_max: int = BODY_BYTES_MAX,
) -> Response:
    """Sends a request, and waits for the head of the response. A status such as 404 is a response, too.

    `timeout` is in seconds, and for all of it, redirects and reading the body included. Redirects are followed only up to `redirects_max`; each place
    is held against what is granted, and another server is not sent this one's credentials. `bytes_max` bounds the body.
    """
    if params:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params, doseq=True, quote_via=urllib.parse.quote)
    body, kind = _body(data, json)
    pairs = list((headers or {}).items())
    if kind and not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("content-type", kind))
    response = _follow(Request(method.upper(), url, pairs, body), time.monotonic() + timeout, redirects_max)
    response.bytes_max = bytes_max
    return response


def _body(data: Any, json: Any) -> tuple[bytes, str | None]:
    if json is not None:
        return json_text(json).encode(), "application/json"
    if isinstance(data, Mapping):
        return urllib.parse.urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    return (data.encode() if isinstance(data, str) else data or b""), None


def _follow(request: Request, deadline: float, redirects_max: int) -> Response:
    for _ in range(redirects_max + 1):
        _check(request.url)
        response = host.current().send(request, deadline)
        response.url = request.url
        if not redirects_max or response.status_code not in _REDIRECTS or "location" not in response.headers:
            return response
        request = _redirected(request, response)
    raise RedirectError(f"there are more than {redirects_max} redirects")


def _check(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidRequest(f"`{url}` is no URL: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise InvalidRequest(f"`{url}` is no URL that begins with `https://` or `http://`")
    if parts.username is not None:
        raise InvalidRequest("a URL with a name and password in it is not sent: use a header")


def _redirected(request: Request, response: Response) -> Request:
    url = urllib.parse.urljoin(request.url, response.headers["location"])
    try:
        _check(url)
    except InvalidRequest as error:
        raise RedirectError(f"the server redirects to what is no address: {error}") from error
    method, body, headers = request.method, request.body, request.headers
    # 307 and 308 say: the same again. The others mean that what was posted arrived, and the answer is elsewhere.
    if response.status_code not in (307, 308) and method not in ("GET", "HEAD"):
        method, body = "GET", b""
        headers = [pair for pair in headers if not pair[0].lower().startswith("content-")]
    if _origin(url) != _origin(request.url):
        secret = ("authorization", "cookie", "cookie2", "proxy-authorization")
        headers = [pair for pair in headers if pair[0].lower() not in secret]
    return Request(method, url.partition("#")[0], headers, body)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
