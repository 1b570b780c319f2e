"""What answers are made of: text, images, sounds, resources, and what clients are told about them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from .values import json_text

Role = Literal["user", "assistant"]


@dataclass
class Icon:
    """An image that a client may show beside a name. `src` is an `https:` or a `data:` URI."""

    src: str
    mime_type: str | None = None
    sizes: list[str] = field(default_factory=list)
    theme: Literal["light", "dark"] | None = None


@dataclass
class Annotations:
    """Hints to the client about one piece of content. No `audience`: for everybody."""

    audience: list[Role] = field(default_factory=list)
    # From 0.0 (may be left out) to 1.0 (must be seen).
    priority: float | None = None
    # An ISO 8601 date and time.
    last_modified: str | None = None


class Content:
    """One piece of an answer: `Text`, `Image`, `Audio`, `ResourceLink` or `EmbeddedResource`."""


@dataclass
class Text(Content):
    """Text for the model or the user. A plain `str` does where nothing more is said about it."""

    text: str
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Image(Content):
    """An image, `mime_type` such as `image/png`."""

    data: bytes
    mime_type: str
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Audio(Content):
    """A sound, `mime_type` such as `audio/wav`."""

    data: bytes
    mime_type: str
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


@dataclass
class ResourceLink(Content):
    """A pointer to a resource that the client may read. `size` is in bytes."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    icons: list[Icon] = field(default_factory=list)
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


@dataclass
class ResourceContents:
    """What a resource holds: text or bytes. No `uri`: the one that was asked for."""

    data: str | bytes
    uri: str = ""
    mime_type: str | None = None
    meta: dict[str, Any] | None = None


@dataclass
class EmbeddedResource(Content):
    """A resource that travels inside an answer, under its own URI."""

    contents: ResourceContents
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None

    @classmethod
    def of(cls, uri: str, mime_type: str, data: str | bytes) -> "EmbeddedResource":
        return cls(ResourceContents(data, uri, mime_type))


@dataclass
class Resource:
    """An entry of a list of resources."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    icons: list[Icon] = field(default_factory=list)
    annotations: Annotations | None = None
    meta: dict[str, Any] | None = None


@dataclass
class ResourcePage:
    """A part of a list. `next` says where the next one begins, in words of the plugin's own; None: this was the last."""

    resources: list[Resource]
    next: str | None = None


@dataclass
class ToolResult:
    """Everything that a tool can give back. `structured` is JSON text; `ToolResult.of(value)` writes it."""

    content: list[Content] = field(default_factory=list)
    structured: str | None = None
    is_error: bool = False
    meta: dict[str, Any] | None = None

    @classmethod
    def of(cls, value: Any, content: list[Content] | None = None, meta: dict[str, Any] | None = None) -> "ToolResult":
        """A value as structured content. The host also says it as text, unless there is content."""
        return cls(list(content or []), json_text(value), False, meta)


@dataclass
class Message:
    """One message of a prompt."""

    content: Content | str
    role: Role = "user"


@dataclass
class PromptResult:
    """A prompt, filled in."""

    messages: list[Message]
    description: str | None = None
    meta: dict[str, Any] | None = None


@dataclass
class Completion:
    """Suggestions, the best ones first. Clients get the first 100."""

    values: list[str]
    total: int | None = None
    has_more: bool = False

    VALUES_MAX = 100

    @classmethod
    def of(cls, candidates: list[str]) -> "Completion":
        values = [str(candidate) for candidate in candidates]
        return cls(values[: cls.VALUES_MAX], len(values), len(values) > cls.VALUES_MAX)

    @classmethod
    def starting_with(cls, value: str, candidates: list[str]) -> "Completion":
        """Those of `candidates` that begin with `value`, whatever their case."""
        value = value.casefold()
        return cls.of([candidate for candidate in candidates if candidate.casefold().startswith(value)])
