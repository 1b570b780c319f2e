"""One request over `wasi:http`, and the wait for it. Only in a component whose plugin imports `toolyard.http`."""

import time
from collections.abc import Iterator
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import (
    wasi_clocks_monotonic_clock_0_2_12 as clock,
    wasi_http_outgoing_handler_0_2_12 as handler,
    wasi_http_types_0_2_12 as types,
    wasi_io_poll_0_2_12 as poll,
    wasi_io_streams_0_2_12 as streams,
)

from . import http

# What one write may hold, as `wasi:io` has it.
_WRITE_BYTES_MAX = 4096
_READ_BYTES_MAX = 64 << 10


def send(request: http.Request, deadline: float) -> http.Response:
    outgoing = _head(request)
    body = outgoing.body() if request.body else None
    try:
        future = handler.handle(outgoing, _options(deadline))
    except Err as error:
        raise _error(error.value) from None
    if body is not None:
        _write(body, request.body, deadline)
    response = _wait(future, deadline)
    headers = [(name, value.decode("utf-8", "replace")) for name, value in response.headers().entries()]
    return http.Response(response.status(), headers, _chunks(response, deadline))


def _head(request: http.Request) -> Any:
    fields = types.Fields()
    pairs = list(request.headers)
    if request.body:
        pairs.append(("content-length", str(len(request.body))))
    for name, value in pairs:
        try:
            fields.append(name, value.encode())
        except Err as error:
            wrong = "not well formed" if isinstance(error.value, types.HeaderError_InvalidSyntax) else "not the plugin's to set"
            raise http.InvalidRequest(f"the header `{name}` is {wrong}") from None
    outgoing = types.OutgoingRequest(fields)
    parts = request.parts
    try:
        outgoing.set_method(_method(request.method))
        outgoing.set_scheme(types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Http())
        outgoing.set_authority(parts.netloc)
        outgoing.set_path_with_query(request.target)
    except Err:
        raise http.InvalidRequest(f"a request `{request.method} {request.url}` cannot be sent") from None
    return outgoing


def _method(name: str) -> Any:
    known = getattr(types, f"Method_{name.capitalize()}", None)
    return known() if known and name != "OTHER" else types.Method_Other(name)


def _options(deadline: float) -> Any:
    """The host is told, too, so that it gives up when nobody waits any more."""
    left = _left_ns(deadline)
    options = types.RequestOptions()
    for set_timeout in (options.set_connect_timeout, options.set_first_byte_timeout, options.set_between_bytes_timeout):
        try:
            set_timeout(left)
        except Err:
            # A host that does not know one of them is no reason not to ask: the deadline is kept here anyway.
            pass
    return options


def _write(body: Any, data: bytes, deadline: float) -> None:
    try:
        with body.write() as stream:
            while data:
                room = min(stream.check_write(), _WRITE_BYTES_MAX)
                if room == 0:
                    _until(stream.subscribe(), deadline)
                    continue
                stream.write(data[:room])
                data = data[room:]
            stream.flush()
        types.OutgoingBody.finish(body, None)
    except Err:
        # If the server does not want it all, its response says why; if there is none, that is the error.
        pass


def _wait(future: Any, deadline: float) -> Any:
    while True:
        found = future.get()
        if found is None:
            _until(future.subscribe(), deadline)
            continue
        # The response, or why there is none, inside of whether it was taken before.
        while isinstance(found, Ok):
            found = found.value
        if isinstance(found, Err):
            raise _error(found.value)
        return found


def _chunks(response: Any, deadline: float) -> Iterator[bytes]:
    body = response.consume()
    with body.stream() as stream:
        while True:
            try:
                chunk = stream.read(_READ_BYTES_MAX)
            except Err as error:
                if isinstance(error.value, streams.StreamError_Closed):
                    return
                code = types.http_error_code(error.value.value)
                raise (_error(code) if code else http.ResponseError("the server's response cannot be used: it broke off")) from None
            if chunk:
                yield chunk
            else:
                _until(stream.subscribe(), deadline)


def _until(ready: Any, deadline: float) -> None:
    """Waits for `ready`, or until it is too late."""
    with ready, clock.subscribe_duration(_left_ns(deadline)) as late:
        if 0 not in poll.poll([ready, late]):
            raise http.Timeout("the server took too long")


def _left_ns(deadline: float) -> int:
    left = int((deadline - time.monotonic()) * 1e9)
    if left <= 0:
        raise http.Timeout("the server took too long")
    return left


_UNREACHABLE = (http.ConnectError, "the server cannot be reached")
_NO_NAME = (http.ConnectError, "there is no server of that name")
_NO_TRUST = (http.ConnectError, "no secure connection to the server can be made")
_LATE = (http.Timeout, "the server took too long")
_REFUSED = (http.Denied, "this address may not be reached from here")
_REQUEST_TOO_LARGE = (http.InvalidRequest, "the request is too large")
_NO_ADDRESS = (http.InvalidRequest, "the address cannot be asked for")
_BAD = "the server's response cannot be used: "
_HEADERS_TOO_LARGE = (http.ResponseError, _BAD + "its headers are too large")
_SAID = {
    "HttpRequestDenied": _REFUSED,
    "DestinationIpProhibited": _REFUSED,
    "DnsError": _NO_NAME,
    "DestinationNotFound": _NO_NAME,
    "DnsTimeout": _LATE,
    "ConnectionTimeout": _LATE,
    "ConnectionReadTimeout": _LATE,
    "ConnectionWriteTimeout": _LATE,
    "HttpResponseTimeout": _LATE,
    "DestinationUnavailable": _UNREACHABLE,
    "DestinationIpUnroutable": _UNREACHABLE,
    "ConnectionRefused": _UNREACHABLE,
    "ConnectionTerminated": _UNREACHABLE,
    "ConnectionLimitReached": (http.Error, "too many requests; try again later"),
    "TlsProtocolError": _NO_TRUST,
    "TlsCertificateError": _NO_TRUST,
    "TlsAlertReceived": _NO_TRUST,
    "HttpResponseBodySize": (http.TooLarge, "the response is too large"),
    "HttpResponseHeaderSectionSize": _HEADERS_TOO_LARGE,
    "HttpResponseHeaderSize": _HEADERS_TOO_LARGE,
    "HttpResponseIncomplete": (http.ResponseError, _BAD + "it broke off"),
    "HttpProtocolError": (http.ResponseError, _BAD + "it is not HTTP"),
    "HttpRequestMethodInvalid": (http.InvalidRequest, "the method cannot be sent"),
    "HttpRequestUriInvalid": _NO_ADDRESS,
    "HttpRequestUriTooLong": _NO_ADDRESS,
    "HttpRequestBodySize": _REQUEST_TOO_LARGE,
    "HttpRequestHeaderSectionSize": _REQUEST_TOO_LARGE,
    "HttpRequestHeaderSize": _REQUEST_TOO_LARGE,
}


def _error(code: Any) -> http.Error:
    """What `wasi:http` says, in a sentence."""
    kind, said = _SAID.get(type(code).__name__.removeprefix("ErrorCode_"), (http.ResponseError, _BAD + "it cannot be read"))
    if isinstance(code, types.ErrorCode_InternalError) and code.value:
        return http.Error(f"the request failed: {code.value}")
    return kind(said)
