"""JSON values to what type hints say, and back."""

import base64
import collections.abc
import dataclasses
import enum
import json
import typing
from typing import Any

from . import hints
from .errors import Internal


class Unfit(ValueError):
    """A JSON value that is not what the hint says. The message says where."""


def json_text(value: Any) -> str:
    """Compact JSON text."""
    try:
        return _ENCODER.encode(to_json(value))
    except (TypeError, ValueError) as error:
        raise Internal(f"the result cannot be said in JSON: {error}") from error


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def to_json(value: Any) -> Any:
    """The same in what `json` knows."""
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if dataclasses.is_dataclass(value):
        return {hints.key(field.name): to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, collections.abc.Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise TypeError(f"a `{type(value).__name__}` has no counterpart there")


def _key(key: Any) -> str:
    key = key.value if isinstance(key, enum.Enum) else key
    if isinstance(key, str):
        return key
    raise TypeError(f"the keys of an object are text, and `{key!r}` is none")


def from_json(hint: Any, value: Any, where: str = "") -> Any:
    """The value as the hint has it."""
    hint, _ = hints.split(hint)
    if hint is Any or hint is object:
        return value
    if isinstance(hint, type) and hint in _SCALARS:
        return _SCALARS[hint](value, where)
    members = hints.alternatives(hint)
    if members:
        return _one_of(members, value, where)
    choices = hints.literals(hint)
    if choices is not None:
        return _choice(hint, choices, value, where)
    if hints.is_record(hint):
        return _record(hint, value, where)
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin is tuple and inner and not (len(inner) == 2 and inner[1] is Ellipsis):
        items = _expect(value, list, "a list", where)
        if len(items) != len(inner):
            raise Unfit(f"{where or 'the value'} has {len(items)} items, and {len(inner)} are wanted")
        return tuple(from_json(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(inner, items)))
    if isinstance(value, list):
        kind = inner[0] if inner else Any
        items = [from_json(kind, item, f"{where}[{index}]") for index, item in enumerate(value)]
        return origin(items) if origin in (tuple, set, frozenset) else items
    kind = inner[1] if len(inner) == 2 else Any
    table = _expect(value, dict, "an object" if origin in (dict, collections.abc.Mapping) else "a list", where)
    return {key: from_json(kind, item, f"{where}.{key}" if where else key) for key, item in table.items()}


def _expect(value: Any, kind: type | tuple, words: str, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Unfit(f"{where or 'the value'} is not {words}")
    return value


def _integer(value: Any, where: str) -> int:
    # 2.0 is an integer in JSON Schema.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _expect(value, int, "an integer", where)


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(_expect(value, str, "text", where), validate=True)
    except ValueError as error:
        raise Unfit(f"{where or 'the value'} is not base64") from error


_SCALARS = {
    str: lambda value, where: _expect(value, str, "text", where),
    bool: lambda value, where: _expect(value, bool, "true or false", where),
    int: _integer,
    float: lambda value, where: float(_expect(value, (int, float), "a number", where)),
    bytes: _bytes,
    type(None): lambda value, where: _expect(value, type(None), "null", where),
}


def _one_of(members: tuple, value: Any, where: str) -> Any:
    if value is None and type(None) in members:
        return None
    reason = None
    for member in members:
        try:
            return from_json(member, value, where)
        except Unfit as unfit:
            reason = reason or unfit
    raise reason or Unfit(f"{where or 'the value'} fits nothing")


def _choice(hint: Any, choices: list, value: Any, where: str) -> Any:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return hint(value) if isinstance(hint, type) else choice
    raise Unfit(f"{where or 'the value'} is none of {', '.join(map(str, choices))}")


def _record(record: type, value: Any, where: str) -> Any:
    table = _expect(value, dict, "an object", where)
    found = {}
    for field in hints.fields(record):
        inside = f"{where}.{field.key}" if where else field.key
        if field.key in table:
            found[field.name] = from_json(field.hint, table[field.key], inside)
        elif field.required:
            if not hints.is_optional(field.hint) or typing.is_typeddict(record):
                raise Unfit(f"{inside} is missing")
            found[field.name] = None
    return found if typing.is_typeddict(record) else record(**found)
