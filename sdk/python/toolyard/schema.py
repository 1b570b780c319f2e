"""JSON Schemas (2020-12) of what tools take and give back, from type hints."""

import collections.abc
import typing
from typing import Any

from . import docs, hints, spelled
from .hints import Arg, BadHint

_PLAIN = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    bytes: {"type": "string", "contentEncoding": "base64"},
}
_LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)
_DICTS = (dict, collections.abc.Mapping)
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class Schemas:
    """Writes schemas. Types stand where they are used, but for those that hold themselves: these are in `$defs`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._open: list[type] = []
        self._recursive: set[type] = set()

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of a hint."""
        hint, said = hints.split(hint)
        schema = dict(self._plain(hint))
        for arg in reversed(said):
            schema.update(_constraints(arg, schema))
        return schema

    def finish(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with the definitions that it refers to."""
        return {**schema, "$defs": self.definitions} if self.definitions else schema

    def _plain(self, hint: Any) -> dict[str, Any]:
        if hint is Any or hint is object:
            return {}
        if isinstance(hint, type) and hint in _PLAIN:
            return _PLAIN[hint]
        spelling = spelled.of(hint)
        if spelling:
            return spelling.schema
        members = hints.alternatives(hint)
        if members:
            return self._union(members)
        choices = hints.literals(hint)
        if choices is not None:
            return _enum(choices)
        if hints.is_record(hint):
            return self._named(hint)
        origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
        if origin in _LISTS:
            schema: dict[str, Any] = {"type": "array"}
            if inner and inner[0] is not Any:
                schema["items"] = self.of(inner[0])
            if origin in (set, frozenset):
                schema["uniqueItems"] = True
            return schema
        if origin is tuple:
            return self._tuple(inner)
        if origin in _DICTS:
            return self._table(hint, inner)
        raise BadHint(
            f"`{getattr(hint, '__name__', hint)}` cannot be said in JSON; there are str, int, float, bool, bytes, None, Any, Literal, enums,"
            " list, tuple, set, dict, unions, dataclasses, TypedDict, datetime, date, time, UUID and Decimal"
        )

    def _table(self, hint: Any, inner: tuple[Any, ...]) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object"}
        if not inner:
            return schema
        names = self.of(inner[0])
        if names.get("type") != "string":
            raise BadHint(f"`{hint}` cannot be said in JSON: the keys of an object are text, such as `str` or an enum of texts")
        if len(names) > 1:
            schema["propertyNames"] = names
        if inner[1] is not Any:
            schema["additionalProperties"] = self.of(inner[1])
        return schema

    def _tuple(self, inner: tuple[Any, ...]) -> dict[str, Any]:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return {"type": "array", "items": self.of(inner[0])}
        items = [self.of(item) for item in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)} if items else {"type": "array"}

    def _union(self, members: tuple[Any, ...]) -> dict[str, Any]:
        schemas = [self.of(member) for member in members if member is not type(None)]
        if type(None) not in members:
            return {"anyOf": schemas}
        if len(schemas) == 1 and isinstance(schemas[0].get("type"), str):
            schema = {**schemas[0], "type": [schemas[0]["type"], "null"]}
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            return schema
        return {"anyOf": [*schemas, {"type": "null"}]}

    def _named(self, record: type) -> dict[str, Any]:
        if record in self._open:
            self._recursive.add(record)
            return {"$ref": f"#/$defs/{record.__name__}"}
        self._open.append(record)
        schema = self._object(record)
        self._open.pop()
        if record not in self._recursive:
            return schema
        self.definitions[record.__name__] = schema
        return {"$ref": f"#/$defs/{record.__name__}"}

    def _object(self, record: type) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "object"}
        description = docs.of_class(record)[0]
        if description:
            schema["description"] = description
        found = hints.fields(record)
        schema["properties"] = {field.key: self.property(field) for field in found}
        required = [field.key for field in found if field.required]
        if required:
            schema["required"] = required
        return schema

    def property(self, field: hints.Field) -> dict[str, Any]:
        """The schema of one field or argument."""
        try:
            schema = self.of(field.hint)
        except BadHint as error:
            raise BadHint(f"`{field.name}`: {error}") from None
        if field.description and not any(arg.description for arg in hints.split(field.hint)[1]):
            schema["description"] = field.description
        if field.default is not hints.MISSING and field.default is not None:
            schema["default"] = field.default
        return schema


def of_arguments(arguments: list[hints.Field]) -> dict[str, Any]:
    """The schema of a tool's arguments. What is not named in it is refused: a misspelt name would otherwise be ignored."""
    schemas = Schemas()
    properties = {argument.key: schemas.property(argument) for argument in arguments}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    required = [argument.key for argument in arguments if argument.required]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schemas.finish(schema)


def of_result(hint: Any) -> dict[str, Any] | None:
    """The schema of what a tool gives back, unless it allows everything."""
    schemas = Schemas()
    schema = schemas.of(hint)
    if not schema:
        return None
    if "$ref" in schema:
        # The root says its type itself.
        schema = schemas.definitions[schema["$ref"].rpartition("/")[2]]
    return schemas.finish(schema)


def _enum(choices: list[Any]) -> dict[str, Any]:
    kinds = dict.fromkeys(_JSON_TYPES.get(type(choice)) for choice in choices)
    if None in kinds:
        raise BadHint(f"`{choices}` cannot be said in JSON: choices are str, int, float, bool or None")
    names = list(kinds)
    return {"type": names[0] if len(names) == 1 else names, "enum": choices}


def _constraints(arg: Arg, schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    of = {"array": "Items", "object": "Properties"}.get(str(kind), "Length")
    said = {
        "title": arg.title,
        "description": arg.description,
        "minimum": arg.ge,
        "exclusiveMinimum": arg.gt,
        "maximum": arg.le,
        "exclusiveMaximum": arg.lt,
        "multipleOf": arg.multiple_of,
        f"min{of}": arg.min_length,
        f"max{of}": arg.max_length,
        "pattern": arg.pattern,
        "uniqueItems": arg.unique,
        "examples": list(arg.examples) or None,
        "x-mcp-header": arg.header,
    }
    return {**{key: value for key, value in said.items() if value is not None}, **(arg.schema or {})}
