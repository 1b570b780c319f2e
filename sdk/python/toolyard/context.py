"""The call that a function serves: who calls, until when, and what can be told and asked."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import host
from .ask import Question, Round, Rounds, missing_capabilities
from .hints import MISSING

T = TypeVar("T")

CAPABILITIES = frozenset({"elicitation-form", "elicitation-url", "sampling", "sampling-tools", "roots"})


@dataclass(frozen=True)
class Client:
    """Who sent the call, by its own words: for messages, never for decisions about access."""

    name: str | None = None
    version: str | None = None
    # What it can be asked for, of `elicitation-form`, `elicitation-url`, `sampling`, `sampling-tools`, `roots`.
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trace:
    """Where the call stands in a distributed trace (W3C Trace Context and Baggage)."""

    traceparent: str
    tracestate: str | None = None
    baggage: str | None = None


@dataclass
class Context:
    """A parameter of this type is the call. Never a token, never a header."""

    tenant: str = "default"
    subject: str = "anonymous"
    scopes: list[str] = field(default_factory=list)
    client: Client = Client()
    # When the host will stop this call, in milliseconds since 1970.
    deadline_ms: int = 0
    # 1 for the first run of this call, one more for each time the host runs it again.
    attempt: int = 1
    # The same over all rounds and retries of one call. Hand it to services that take such a key.
    idempotency_key: str = ""
    wants_progress: bool = False
    trace: Trace | None = None
    # What the client put into `_meta` under keys that are not the protocol's own.
    meta: dict[str, Any] | None = None
    rounds: Rounds = field(default_factory=Rounds, repr=False)

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Says how far the call has come, if anybody wants to know. Never waits and never fails."""
        host.current().progress(float(done), None if total is None else float(total), message)

    def time_left(self) -> float:
        """Seconds until the host stops this call."""
        return max(0.0, self.deadline_ms / 1000 - time.time())

    def has_scope(self, scope: str) -> bool:
        return scope in self.scopes

    def tools_changed(self) -> None:
        """The list of tools is no longer what clients last saw."""
        host.current().list_changed("tools")

    def prompts_changed(self) -> None:
        """The list of prompts is no longer what clients last saw."""
        host.current().list_changed("prompts")

    def resources_changed(self) -> None:
        """The list of resources is no longer what clients last saw."""
        host.current().list_changed("resources")

    def resource_updated(self, uri: str) -> None:
        """Clients that subscribed to `uri` are told to read it again."""
        host.current().resource_updated(uri)

    def ask(self, key: str, question: Question[T]) -> T:
        """Asks one question. `key` is its name within the call, the same in each round.

        The question ends the call. When the answer is there, the function is **run again from its start**, maybe on another
        machine, and this time the answer is returned. So effects belong behind the last question.
        """
        asking = Round(self.rounds)
        found = asking.find(key, question)
        asking.finish()
        return found

    def ask_all(self, questions: dict[str, Question[Any]]) -> dict[str, Any]:
        """Asks several questions in one round. The answers have the questions' keys."""
        asking = Round(self.rounds)
        found = {key: asking.find(key, question) for key, question in questions.items()}
        asking.finish()
        return found

    def client_can(self, *capabilities: str) -> bool:
        """Whether the client can be asked all of these, such as `sampling`."""
        self._check(capabilities)
        return self.client.capabilities.issuperset(capabilities)

    def require(self, *capabilities: str) -> None:
        """Ends the call unless the client can be asked all of these. The client is told what it lacks."""
        self._check(capabilities)
        asking = Round(self.rounds)
        missing_capabilities(asking, set(capabilities) - self.client.capabilities)
        asking.finish()

    def remember(self, key: str, value: Any) -> None:
        """Keeps a value, which JSON must know, for the later rounds of this call. 16 KiB in all, answers included."""
        self.rounds.remember(key, value)

    def recall(self, key: str, default: Any = None) -> Any:
        """What was kept under this key, in this round or an earlier one."""
        return self.rounds.memory.get(key, default)

    def once(self, key: str, work: Callable[[], T]) -> T:
        """Does something in one round only, and remembers what came of it for the later ones."""
        value = self.rounds.memory.get(key, MISSING)
        if value is MISSING:
            value = work()
            self.rounds.remember(key, value)
        return value

    @staticmethod
    def _check(capabilities: tuple[str, ...]) -> None:
        unknown = set(capabilities) - CAPABILITIES
        if unknown:
            raise ValueError(f"there is no capability `{unknown.pop()}`; there are {', '.join(sorted(CAPABILITIES))}")
