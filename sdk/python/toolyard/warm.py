"""Calls made while the plugin is built, so that those that count find everything warm. Only in a component.

What a call writes to is copied for it, page by page: the interpreter's caches, and the bytecode that it tunes as it runs. What has run often enough
before the component was written is tuned already, and only read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from wit_world.imports import toolyard_plugin_types_0_1_0 as types

from .content import Content, Image, Text
from .context import Context
from .errors import ToolError
from .hints import Arg
from .plugin import Plugin

# Enough for the interpreter to tune whatever it means to.
_ROUNDS = 40


@dataclass
class _Inner:
    text: Annotated[str, "Some."]
    number: float | None


@dataclass
class _Outer:
    items: list[_Inner]
    flag: bool


_sample = Plugin()


@_sample.tool(read_only=True)
def _data(context: Context, text: Annotated[str, Arg("Some.", min_length=1)], count: int = 1, note: str | None = None) -> _Outer:
    """Data from arguments."""
    return _Outer([_Inner(text, float(index)) for index in range(count)], note is None)


@_sample.tool
def _pieces(names: list[str]) -> list[Content]:
    """Content."""
    return [Text(", ".join(names)), Image(b"", "image/png")]


@_sample.tool
def _words(options: dict[str, int]) -> str:
    """Text, or an error."""
    if not options:
        raise ToolError("no options")
    return f"{len(options)} options"


_CALLS = [
    ("_data", '{"text":"é","count":2}'),
    ("_data", '{"text":"a","note":null}'),
    ("_pieces", '{"names":["a","b"]}'),
    ("_words", '{"options":{"a":1}}'),
    ("_words", '{"options":{}}'),
]


def run(call: Callable[[Plugin, str, str, Any], Any]) -> None:
    """Runs the sample through `call`, which takes a plugin, a tool, its arguments and the context as the host gives it."""
    able = types.ClientCapabilities.SAMPLING | types.ClientCapabilities.ROOTS
    client = types.Client("name", "1", able)
    context = types.CallContext("default", "anonymous", [], client, 0, 1, "key", True, None, '{"a":1}')
    for _ in range(_ROUNDS):
        for name, arguments in _CALLS:
            call(_sample, name, arguments, context)
