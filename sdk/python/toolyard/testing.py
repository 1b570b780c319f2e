"""Testing a plugin without a host: tests run natively, and what the plugin tells its host is kept here.

    import plugin
    from toolyard import testing

    result = testing.call("greet", {"name": "Ada"})

A function that asks is run again with the answers, as the host would: see `converse`.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from . import PLUGIN, host, logs
from .ask import Rounds
from .content import Completion, PromptResult, Resource, ResourceContents, ToolResult
from .context import CAPABILITIES, Client, Context
from .errors import Internal, NeedInput

# How often the host runs a call again that asks for something.
ROUNDS_MAX = 32

_LEVELS = {logging.CRITICAL: "critical", logging.ERROR: "error", logging.WARNING: "warn", logging.INFO: "info", logging.DEBUG: "debug"}


@dataclass
class Told:
    """What a plugin told its host."""

    # What was done, of how much, and what was said about it.
    progress: list[tuple[float, float | None, str | None]] = field(default_factory=list)
    # How serious, from where, and what.
    logs: list[tuple[str, str, str]] = field(default_factory=list)
    # `tools`, `prompts`, `resources`, or the URI of a resource that is not as it was.
    changes: list[str] = field(default_factory=list)


class Grants:
    """What an operator would grant: nothing, until it is said. `server` answers requests, or raises `http.Denied`.

    with testing.Grants(config={"region": "eu"}, keyvalue=True, http=lambda request: http.Response(200, body=b"sunny")) as told:
        testing.call("forecast", {"place": "Bonn"})
    assert told.progress
    """

    def __init__(self, config: dict[str, str] | None = None, keyvalue: bool = False, http: Callable[..., Any] | None = None):
        self.told = Told()
        self._settings = dict(config or {})
        self._store: dict[str, bytes] | None = {} if keyvalue else None
        self._server = http
        self._before: list[Any] = []

    def __enter__(self) -> Told:
        logs.install()
        self._before.append(host.use(self))
        return self.told

    def __exit__(self, *_: Any) -> None:
        host.use(self._before.pop())

    # What follows is the host's side.

    def log(self, level: int, context: str, message: str) -> None:
        self.told.logs.append((next((_LEVELS[least] for least in _LEVELS if level >= least), "trace"), context, message))

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        self.told.progress.append((done, total, message))

    def list_changed(self, what: str) -> None:
        self.told.changes.append(what)

    def resource_updated(self, uri: str) -> None:
        self.told.changes.append(uri)

    def config(self, key: str) -> str | None:
        return self._settings.get(key)

    def config_all(self) -> dict[str, str]:
        return dict(self._settings)

    def open_store(self, name: str) -> "Bucket":
        from . import keyvalue

        if self._store is None:
            raise keyvalue.Denied()
        if name != "default":
            raise keyvalue.NoSuchStore()
        return Bucket(self._store)

    def send(self, request: Any, deadline: float) -> Any:
        from . import http

        if self._server is None:
            raise http.Denied("this address may not be reached from here")
        return self._server(request)


@dataclass
class Watched:
    """A value as it was."""

    key: str
    value: bytes | None

    def current(self) -> bytes | None:
        return self.value


@dataclass
class Bucket:
    """A store that lives as long as its grants."""

    values: dict[str, bytes]

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def exists(self, key: str) -> bool:
        return key in self.values

    def list_keys(self, cursor: str | None) -> tuple[list[str], str | None]:
        return sorted(self.values), None

    def get_many(self, keys: list[str]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def set_many(self, pairs: list[tuple[str, bytes]]) -> None:
        self.values.update(pairs)

    def delete_many(self, keys: list[str]) -> None:
        for key in keys:
            self.values.pop(key, None)

    def increment(self, key: str, delta: int) -> int:
        from . import keyvalue

        try:
            total = int(self.values.get(key, b"0")) + delta
        except ValueError:
            raise keyvalue.Error(f"the store refused: `{key}` is no number") from None
        self.values[key] = str(total).encode()
        return total

    def watch(self, key: str) -> Watched:
        return Watched(key, self.values.get(key))

    def swap(self, watched: Watched, value: bytes) -> Watched | None:
        if self.values.get(watched.key) != watched.value:
            return self.watch(watched.key)
        self.values[watched.key] = value
        return None


def context(**changes: Any) -> Context:
    """A call such as a host without tenants makes, with 30 seconds to go and a client that can be asked everything."""
    plain = Context(
        client=Client(capabilities=CAPABILITIES), deadline_ms=int(time.time() * 1000) + 30_000, idempotency_key="test", wants_progress=True
    )
    return replace(plain, **changes)


@contextmanager
def _granted() -> Iterator[None]:
    """A test that grants nothing has a host all the same."""
    if isinstance(host.current(), host.Nobody):
        with Grants():
            yield
    else:
        yield


def call(name: str, arguments: dict[str, Any] | None = None, context: Context | None = None) -> ToolResult:
    """Calls a tool of the plugin through the door that the host uses. Errors are raised, and questions as `NeedInput`."""
    with _granted():
        return PLUGIN.call(name, json.dumps(arguments or {}), context or globals()["context"]())


def read(uri: str, context: Context | None = None) -> list[ResourceContents]:
    """Reads a resource. `NotFound` is raised where there is nothing."""
    with _granted():
        return PLUGIN.read(uri, context or globals()["context"]())


def listed(context: Context | None = None) -> list[Resource]:
    """All resources of the list."""
    found: list[Resource] = []
    cursor = None
    with _granted():
        while True:
            page = PLUGIN.list_resources(cursor, context or globals()["context"]())
            found += page.resources
            cursor = page.next
            if cursor is None:
                return found


def get_prompt(name: str, arguments: dict[str, str] | None = None, context: Context | None = None) -> PromptResult:
    """Fills a prompt in."""
    with _granted():
        return PLUGIN.get_prompt(name, arguments or {}, context or globals()["context"]())


def complete(
    argument: str, value: str, *, prompt: str | None = None, template: str | None = None, known: dict[str, str] | None = None
) -> Completion:
    """Asks for suggestions."""
    kind, of = ("prompt", prompt) if prompt is not None else ("resource-template", template or "")
    with _granted():
        return PLUGIN.complete(kind, of, argument, value, known or {}, context())


def converse(name: str, arguments: dict[str, Any] | None, answer: Callable[[str, str, Any], dict[str, Any] | None]) -> ToolResult:
    """Calls a tool as often as it asks for something, with what `answer` says to each question.

    `answer` is given the question's key, its kind (`form`, `url`, `sampling`, `roots`) and what it says. None leaves it without an answer in that round.
    """
    state, responses = b"", dict[str, str]()
    for _ in range(ROUNDS_MAX + 1):
        try:
            return call(name, arguments, context(rounds=Rounds.resumed(responses, state)))
        except NeedInput as need:
            answers = ((key, answer(key, kind, said)) for key, (kind, said) in need.requests)
            state, responses = need.state, {key: json.dumps(given) for key, given in answers if given is not None}
    raise Internal(f"the plugin asked for input more than {ROUNDS_MAX} times")


def accept(content: dict[str, Any] | None = None) -> dict[str, Any]:
    """The user fills the form in with this, or goes to the page."""
    return {"action": "accept", "content": content or {}}


def decline() -> dict[str, Any]:
    """The user says no."""
    return {"action": "decline"}


def cancel() -> dict[str, Any]:
    """The user goes away without saying."""
    return {"action": "cancel"}


def sampled(text: str) -> dict[str, Any]:
    """The client's model says this."""
    return {"role": "assistant", "content": {"type": "text", "text": text}, "model": "test", "stopReason": "endTurn"}


def roots(*uris: str) -> dict[str, Any]:
    """The client works in these folders."""
    return {"roots": [{"uri": uri} for uri in uris]}
