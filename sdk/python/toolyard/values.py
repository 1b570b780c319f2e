"""JSON values to what type hints say, and back."""

import base64
import collections.abc
import dataclasses
import enum
import functools
import json
import typing
from typing import Any

from . import hints, spelled
from .errors import Internal


class Unfit(ValueError):
    """A JSON value that is not what the hint says. The message says where."""


def json_text(value: Any) -> str:
    """Compact JSON text."""
    try:
        return _ENCODER.encode(value)
    except TypeError:
        # The encoder asks nobody about keys, and says so only when it comes to one.
        return _with_plain_keys(value)
    except ValueError as error:
        raise Internal(f"the result cannot be said in JSON: {error}") from error


def _with_plain_keys(value: Any) -> str:
    try:
        return _ENCODER.encode(_plain_keys(value))
    except (TypeError, ValueError) as error:
        raise Internal(f"the result cannot be said in JSON: {error}") from error


def _plain_keys(value: Any) -> Any:
    """The value with the names of JSON as keys, where an enum's members stand."""
    if isinstance(value, collections.abc.Mapping):
        return {key.value if isinstance(key, enum.Enum) else key: _plain_keys(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_keys(each) for each in value]
    return _plain_keys(_default(value)) if dataclasses.is_dataclass(value) else value


def parse(text: str) -> Any:
    """JSON text that the host has checked: without the checks that `json.loads` makes on the way in and out."""
    return _SCAN(text.strip(), 0)[0]


def _default(value: Any) -> Any:
    """What the encoder does not know, in what it knows."""
    found = _fields.get(type(value))
    if found is None and dataclasses.is_dataclass(value):
        found = _fields[type(value)] = [(field.name, hints.key(field.name)) for field in dataclasses.fields(value)]
    if found is not None:
        return {key: getattr(value, name) for name, key in found}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    spelling = spelled.of(type(value))
    if spelling:
        return spelling.write(value)
    raise TypeError(f"a `{type(value).__name__}` has no counterpart there")


# The names of a dataclass's fields, and what they are called in JSON.
_fields: dict[type, list[tuple[str, str]]] = {}
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_default)
_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


# Reads a JSON value that is at a place, which is named if it does not fit.
Reader = collections.abc.Callable[[Any, str], Any]


def from_json(hint: Any, value: Any, where: str = "") -> Any:
    """The value as the hint has it."""
    return reader(hint)(value, where)


def reader(hint: Any) -> Reader:
    """What reads values for a hint. Making it takes the hint apart, and is done once, when the plugin is built."""
    hint, _ = hints.split(hint)
    if hint is Any or hint is object:
        return lambda value, where: value
    if isinstance(hint, type) and hint in _SCALARS:
        return _SCALARS[hint]
    spelling = spelled.of(hint)
    if spelling:
        return functools.partial(_spelled, hint, spelling)
    members = hints.alternatives(hint)
    if members:
        return _one_of([reader(member) for member in members if member is not type(None)], type(None) in members)
    choices = hints.literals(hint)
    if choices is not None:
        return _choice(hint, choices)
    if hints.is_record(hint):
        return functools.partial(_record, hint)
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (dict, collections.abc.Mapping):
        return _table(*([reader(kind) for kind in inner] if len(inner) == 2 else [reader(str), reader(Any)]))
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        return _row([reader(kind) for kind in inner])
    return _items(reader(inner[0]) if inner else reader(Any), origin if origin in (tuple, set, frozenset) else list)


def _expect(value: Any, kind: type | tuple[type, ...], words: str, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Unfit(f"{where or 'the value'} is not {words}")
    return value


def _integer(value: Any, where: str) -> int:
    # 2.0 is an integer in JSON Schema.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    number: int = _expect(value, int, "an integer", where)
    return number


def _spelled(kind: type, spelling: spelled.Spelling, value: Any, where: str) -> Any:
    text = _expect(value, str, spelling.words, where)
    try:
        return spelling.read(kind, text)
    except (ValueError, ArithmeticError) as error:
        raise Unfit(f"{where or 'the value'} is not {spelling.words}") from error


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(_expect(value, str, "text", where), validate=True)
    except ValueError as error:
        raise Unfit(f"{where or 'the value'} is not base64") from error


_SCALARS: dict[type, Reader] = {
    str: lambda value, where: _expect(value, str, "text", where),
    bool: lambda value, where: _expect(value, bool, "true or false", where),
    int: _integer,
    float: lambda value, where: float(_expect(value, (int, float), "a number", where)),
    bytes: _bytes,
    type(None): lambda value, where: _expect(value, type(None), "null", where),
}


def _one_of(readers: list[Reader], or_null: bool) -> Reader:
    def read(value: Any, where: str) -> Any:
        if value is None and or_null:
            return None
        reason = None
        for member in readers:
            try:
                return member(value, where)
            except Unfit as unfit:
                reason = reason or unfit
        raise reason or Unfit(f"{where or 'the value'} is not null")

    return read


def _choice(hint: Any, choices: list[Any]) -> Reader:
    def read(value: Any, where: str) -> Any:
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return hint(value) if isinstance(hint, type) else choice
        raise Unfit(f"{where or 'the value'} is none of {', '.join(map(str, choices))}")

    return read


def _items(item: Reader, collection: type) -> Reader:
    def read(value: Any, where: str) -> Any:
        found = [item(each, f"{where}[{index}]") for index, each in enumerate(_expect(value, list, "a list", where))]
        return found if collection is list else collection(found)

    return read


def _row(items: list[Reader]) -> Reader:
    def read(value: Any, where: str) -> Any:
        if len(_expect(value, list, "a list", where)) != len(items):
            raise Unfit(f"{where or 'the value'} has {len(value)} items, and {len(items)} are wanted")
        return tuple(item(each, f"{where}[{index}]") for index, (item, each) in enumerate(zip(items, value)))

    return read


def _table(name: Reader, item: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        table = _expect(value, dict, "an object", where)
        return {name(key, f"a key of {where or 'the value'}"): item(each, f"{where}.{key}" if where else key) for key, each in table.items()}

    return read


def _record(record: type, value: Any, where: str) -> Any:
    table = _expect(value, dict, "an object", where)
    found = {}
    for field, read in _record_readers(record):
        inside = f"{where}.{field.key}" if where else field.key
        if field.key in table:
            found[field.name] = read(table[field.key], inside)
        elif field.required:
            if not hints.is_optional(field.hint) or typing.is_typeddict(record):
                raise Unfit(f"{inside} is missing")
            found[field.name] = None
    return found if typing.is_typeddict(record) else record(**found)


@functools.cache
def _record_readers(record: type) -> list[tuple[hints.Field, Reader]]:
    return [(field, reader(field.hint)) for field in hints.fields(record)]
