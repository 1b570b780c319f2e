"""Type hints, taken apart once: what JSON Schema is made from, and what JSON values are read by."""

import dataclasses
import enum
import functools
import keyword
import types
import typing
from typing import Annotated, Any, Literal, Union

from . import docs


@dataclasses.dataclass(frozen=True)
class Arg:
    """What a hint cannot say by itself: `Annotated[int, Arg(ge=1, le=7, description="How many days.")]`.

    `min_length` and `max_length` count characters of text, items of a list, or entries of a dict. `header` has clients send the argument as
    `Mcp-Param-<header>`, too. `schema` is JSON Schema that is added as it stands. A plain string in `Annotated` is a description.
    """

    description: str | None = None
    title: str | None = None
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    unique: bool | None = None
    examples: tuple[Any, ...] = ()
    header: str | None = None
    schema: dict[str, Any] | None = None


class BadHint(TypeError):
    """A hint that stands for nothing that JSON has."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One argument of a function, or one field of a dataclass or a TypedDict."""

    name: str
    hint: Any
    required: bool
    description: str | None
    # The value where it is left out, or MISSING.
    default: Any

    @property
    def key(self) -> str:
        return key(self.name)


def key(name: str) -> str:
    """What a name is called in JSON: a word of Python's own, such as `from`, is written `from_`."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


MISSING = dataclasses.MISSING


def split(hint: Any) -> tuple[Any, list[Arg]]:
    """A hint without `Annotated`, `Required` and `NotRequired`, and what `Annotated` said."""
    said: list[Arg] = []
    while True:
        origin = typing.get_origin(hint)
        if origin is Annotated:
            for note in hint.__metadata__:
                if isinstance(note, str):
                    said.append(Arg(description=note))
                elif isinstance(note, Arg):
                    said.append(note)
            hint = hint.__origin__
        elif origin in (typing.Required, typing.NotRequired, typing.Final):
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, getattr(typing, "TypeAliasType", ())):
            hint = hint.__value__  # type: ignore[union-attr]
        elif hint is None:
            return type(None), said
        else:
            return hint, said


def alternatives(hint: Any) -> tuple[Any, ...] | None:
    """The members of a union, or None."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return typing.get_args(hint)
    return None


def is_optional(hint: Any) -> bool:
    members = alternatives(split(hint)[0]) or ()
    return type(None) in members


def literals(hint: Any) -> list[Any] | None:
    """The values of a `Literal` or an enum, as JSON has them, or None."""
    if typing.get_origin(hint) is Literal:
        return list(typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return [member.value for member in hint]
    return None


def is_record(hint: Any) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or typing.is_typeddict(hint))


@functools.cache
def fields(record: type) -> list[Field]:
    """The fields of a dataclass or a TypedDict, in their order."""
    hints = typing.get_type_hints(record, include_extras=True)
    described = docs.of_class(record)[1]
    if typing.is_typeddict(record):
        required = record.__required_keys__  # type: ignore[attr-defined]
        return [Field(name, hint, name in required, described.get(name), MISSING) for name, hint in hints.items()]
    found = []
    for field in dataclasses.fields(record):
        if field.init:
            default = field.default
            if default is MISSING and field.default_factory is not MISSING:
                default = field.default_factory()
            found.append(Field(field.name, hints[field.name], default is MISSING, described.get(field.name), default))
    return found
