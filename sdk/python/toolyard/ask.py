"""Asking for input in the middle of a call.

A plugin cannot wait for an answer: its instance ends with the question, and the function is run again, from its start, when the answer is
there. So asking returns at once where the answer is known, and otherwise carries the question out of the function as `NeedInput`.
"""

import json
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from . import hints, schema, values
from .errors import Internal, NeedInput, ToolError

T = TypeVar("T")

# What a plugin may keep from one round to the next (`input-need` in the contract).
STATE_BYTES_MAX = 16 << 10

_log = logging.getLogger("toolyard.ask")


class Question(ABC, Generic[T]):
    """Something that can be asked: `Form`, `Confirm`, `Url`, `Roots`, `Sampling`."""

    @abstractmethod
    def request(self) -> tuple[str, Any]:
        """The question as the host takes it: its kind, and what it says."""

    @abstractmethod
    def read(self, response: dict[str, Any]) -> T:
        """Reads an answer, or raises a ValueError that says why it is none."""


@dataclass
class Rounds:
    """The answers of this round, and what is kept of the earlier ones."""

    responses: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def resumed(cls, responses: dict[str, str], state: bytes) -> "Rounds":
        rounds = cls(responses)
        if state:
            try:
                kept = json.loads(state)
                rounds.answers, rounds.memory = dict(kept["answers"]), dict(kept["memory"])
            except (ValueError, KeyError, TypeError):
                # Another version of the plugin may have written it in another way; what it kept is asked for again.
                pass
        return rounds

    def remember(self, key: str, value: Any) -> None:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Internal(f"`{key}` cannot be remembered: {error}") from error
        self.memory[key] = value

    def state(self) -> bytes:
        """Empty where nothing was kept."""
        if not self.answers and not self.memory:
            return b""
        return values.json_text({"answers": self.answers, "memory": self.memory}).encode()


class Round:
    """What is asked in one round."""

    def __init__(self, rounds: Rounds):
        self.rounds = rounds
        self.requests: list[tuple[str, tuple[str, Any]]] = []

    def find(self, key: str, question: Question[T]) -> Any:
        """The answer, if it is there already. Otherwise the question joins the round."""
        for response in (self.rounds.answers.get(key), self.rounds.responses.get(key)):
            if response is None:
                continue
            try:
                answer = question.read(json.loads(response))
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the answer to `%s` does not fit and is asked for again: %s", key, error)
                continue
            self.rounds.answers[key] = response
            return answer
        self.requests.append((key, question.request()))
        return None

    def finish(self) -> None:
        if not self.requests:
            return
        state = self.rounds.state()
        if len(state) > STATE_BYTES_MAX:
            raise Internal(
                f"the answers so far and what is to be remembered take {len(state)} bytes, and {STATE_BYTES_MAX} can be kept for the next round"
            )
        raise NeedInput(self.requests, state)


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What the user made of a question: `action` is `accept`, `decline` or `cancel`; there is a `value` with the first only."""

    action: str
    _given: T | None = None

    @property
    def accepted(self) -> bool:
        """Whether there is a value."""
        return self.action == "accept"

    @property
    def value(self) -> T:
        """What was filled in. Where nothing was, the call ends with an error that says why: look at `accepted` if there is another way."""
        if self.action == "accept":
            return self._given  # type: ignore[return-value]
        raise ToolError("the user declined to answer" if self.action == "decline" else "the user cancelled the question")

    def get(self) -> T:
        """The value, where the tool can do nothing without it."""
        return self.value


def _answer(response: dict[str, Any], read: Any) -> Answer[Any]:
    action = response["action"]
    if action not in ("accept", "decline", "cancel"):
        raise ValueError(f"nobody can `{action}` a question")
    # A client may leave an empty form's content out.
    return Answer(action, read(response.get("content") or {})) if action == "accept" else Answer(action)


class Form(Question[Answer[T]]):
    """A form for the user to fill in, with the fields of a dataclass or TypedDict, or of a JSON Schema.

    A field is a `str`, a number, a `bool`, a choice, or a list of choices, and nothing is nested. What is secret does not belong into a form
    but onto a page: see `Url`.
    """

    def __init__(self, message: str, fields: type[T] | dict[str, Any]):
        self.message = message
        self.fields = fields

    def request(self) -> tuple[str, Any]:
        if isinstance(self.fields, dict):
            return "form", (self.message, values.json_text(self.fields))
        return "form", (self.message, values.json_text(_form_schema(self.fields)))

    def read(self, response: dict[str, Any]) -> Answer[T]:
        if isinstance(self.fields, dict):
            return _answer(response, lambda content: content)
        return _answer(response, lambda content: values.from_json(self.fields, content))


_KINDS = ("string", "integer", "number", "boolean")


def _form_schema(record: type) -> dict[str, Any]:
    """Clients draw a form from a small part of JSON Schema (`PrimitiveSchemaDefinition` in the protocol's schema)."""
    if not hints.is_record(record):
        raise Internal(f"`{getattr(record, '__name__', record)}` is no form: a form is made of a dataclass or a TypedDict")
    properties = {}
    required = []
    for each in hints.fields(record):
        said = schema.Schemas().property(each)
        kind = said.get("type")
        if isinstance(kind, list):
            # A field that may be null is one that may be left empty.
            said["type"] = kind = next(one for one in kind if one != "null")
            if "enum" in said:
                said["enum"] = [choice for choice in said["enum"] if choice is not None]
        choices = kind == "array" and "enum" in said.get("items", {})
        if kind not in _KINDS and not choices:
            raise Internal(
                f"the field `{each.key}` does not fit into a form, which holds str, int, float, bool, choices and lists of choices"
            )
        properties[each.key] = said
        if each.required and not hints.is_optional(each.hint):
            required.append(each.key)
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


class Confirm(Question[Answer[None]]):
    """A question with nothing to fill in: accepted or not. `message` says what accepting means."""

    def __init__(self, message: str):
        self.message = message

    def request(self) -> tuple[str, Any]:
        return "form", (self.message, '{"type":"object","properties":{}}')

    def read(self, response: dict[str, Any]) -> Answer[None]:
        return _answer(response, lambda content: None)


class Url(Question[Answer[None]]):
    """A page for the user to open, such as a sign-in: the place for what is secret. Accepted means that the user went there."""

    def __init__(self, message: str, url: str):
        self.message = message
        self.url = url

    def request(self) -> tuple[str, Any]:
        return "url", (self.message, self.url)

    def read(self, response: dict[str, Any]) -> Answer[None]:
        return _answer(response, lambda content: None)


@dataclass(frozen=True)
class Root:
    """A folder that the client works in."""

    uri: str
    name: str | None = None


class Roots(Question[list[Root]]):
    """Asks for the folders that the client works in."""

    def request(self) -> tuple[str, Any]:
        return "roots", None

    def read(self, response: dict[str, Any]) -> list[Root]:
        return [Root(root["uri"], root.get("name")) for root in response["roots"]]


def missing_capabilities(asking: Round, missing: set[str]) -> None:
    """Asks for what the client cannot be asked: the host says what is missing, in the words of the client's protocol."""
    from .sampling import Sampling

    questions: dict[str, Question[Any]] = {
        "elicitation-form": Confirm(""),
        "elicitation-url": Url("", "https://example.com/"),
        "sampling": Sampling(""),
        "sampling-tools": Sampling("", tool_choice="none"),
        "roots": Roots(),
    }
    asking.requests.extend((name, questions[name].request()) for name in sorted(missing))
