"""From what a function returns to what a tool gives back, a resource holds, or a prompt says."""

import typing
from typing import Any

from . import hints
from .content import Content, EmbeddedResource, Message, PromptResult, ResourceContents, Text, ToolResult
from .errors import Internal
from .values import json_text

_ANSWERS = (str, Content, ResourceContents, ToolResult, type(None))


def is_data(hint: Any) -> bool | None:
    """Whether what is returned is structured content, going by the hint, which is MISSING where a function does not say."""
    if hint is hints.MISSING:
        return None
    hint, _ = hints.split(hint)
    return not _is_answer(hint, _ANSWERS)


def is_json(hint: Any) -> bool:
    """Whether a resource is JSON, going by the hint."""
    if hint is hints.MISSING:
        return False
    hint, _ = hints.split(hint)
    return not _is_answer(hint, (str, bytes, ResourceContents, type(None)))


def _is_answer(hint: Any, answers: tuple[type, ...]) -> bool:
    members = hints.alternatives(hint)
    if members:
        return all(_is_answer(hints.split(member)[0], answers) for member in members)
    if typing.get_origin(hint) is list:
        # A list of texts is data; a list of content is an answer.
        inner = hints.alternatives(typing.get_args(hint)[0]) or typing.get_args(hint)
        kinds = [hints.split(kind)[0] for kind in inner]
        return str not in kinds[:1] and all(_is_answer(kind, answers) for kind in kinds) or Content in kinds
    return isinstance(hint, type) and issubclass(hint, answers)


def tool_result(value: Any, data: bool | None) -> ToolResult:
    """The answer that a tool's function returned. `data` is what `is_data` says of it."""
    if isinstance(value, ToolResult):
        return value
    if data:
        return ToolResult.of(value)
    if value is None:
        return ToolResult()
    if isinstance(value, (str, Content, ResourceContents)):
        return ToolResult([content(value)])
    pieces = value if isinstance(value, (list, tuple)) else []
    if data is None and not any(isinstance(piece, (Content, ResourceContents)) for piece in pieces):
        return ToolResult.of(value)
    return ToolResult([content(piece) for piece in pieces])


def content(value: Any) -> Content:
    """One piece of an answer."""
    if isinstance(value, Content):
        return value
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, ResourceContents):
        return EmbeddedResource(value)
    raise Internal(f"a `{type(value).__name__}` is no content")


def resource_contents(value: Any) -> list[ResourceContents]:
    """What a resource's function returned. Empty: there is nothing."""
    if value is None:
        return []
    if isinstance(value, ResourceContents):
        return [value]
    if isinstance(value, (str, bytes)):
        return [ResourceContents(value)]
    if isinstance(value, list) and value and all(isinstance(part, ResourceContents) for part in value):
        return value
    return [ResourceContents(json_text(value))]


def prompt_result(value: Any) -> PromptResult:
    """What a prompt's function returned."""
    if isinstance(value, PromptResult):
        return value
    parts = value if isinstance(value, list) else [value]
    return PromptResult([part if isinstance(part, Message) else Message(content(part)) for part in parts])
