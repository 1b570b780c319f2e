"""From hints to schemas, and values by them."""

import enum
import json
import unittest
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict
from uuid import UUID

from toolyard import Arg, values
from toolyard.hints import BadHint
from toolyard.schema import of_result
from toolyard.values import Unfit


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """Where it is.

    Attributes:
        x: To the right.
        y (int): Upwards,
            and a little more.
    """

    x: int
    y: int = 0


class Options(TypedDict):
    deep: bool
    label: NotRequired[str]


@dataclass
class Tree:
    name: str
    below: "list[Tree]" = field(default_factory=list)


class SchemaTest(unittest.TestCase):
    def check(self, hint: Any, expected: Any) -> None:
        self.assertEqual(of_result(hint), expected)

    def test_types_that_are_spelled_as_text(self):
        check = self.check_spelled
        check(date, "date", "2026-01-31", date(2026, 1, 31))
        check(datetime, "date-time", "2026-01-31T12:00:00+00:00", datetime(2026, 1, 31, 12, tzinfo=timezone.utc))
        check(time, "time", "12:30:00", time(12, 30))
        check(UUID, "uuid", "12345678-1234-5678-1234-567812345678", UUID(int=0x12345678123456781234567812345678))
        self.assertEqual(values.from_json(datetime, "2026-01-31T12:00:00Z"), datetime(2026, 1, 31, 12, tzinfo=timezone.utc))
        self.assertEqual((values.from_json(Decimal, "9.95"), values.json_text([Decimal("9.950")])), (Decimal("9.95"), '["9.950"]'))
        self.assertEqual(of_result(date | None), {"type": ["string", "null"], "format": "date"})
        for hint, wrong, said in [(date, "tomorrow", "when is not a date such as"), (Decimal, "x", "not a decimal"), (UUID, 5, "not a UUID")]:
            with self.assertRaisesRegex(Unfit, said):
                values.from_json(hint, wrong, "when")

    def check_spelled(self, hint: Any, form: str, text: str, value: Any) -> None:
        self.check(hint, {"type": "string", "format": form})
        self.assertEqual((values.from_json(hint, text), values.json_text(value)), (value, json.dumps(text)))

    def test_the_keys_of_a_table_may_be_choices(self):
        hint = dict[Colour, int]
        names = {"type": "string", "enum": ["red", "blue"]}
        self.check(hint, {"type": "object", "propertyNames": names, "additionalProperties": {"type": "integer"}})
        self.assertEqual(values.from_json(hint, {"red": 1}), {Colour.RED: 1})
        with self.assertRaisesRegex(Unfit, "a key of the value is none of red, blue"):
            values.from_json(hint, {"green": 1})
        self.assertEqual(values.json_text([Tree("a"), {Colour.BLUE: Point(1)}]), '[{"name":"a","below":[]},{"blue":{"x":1,"y":0}}]')
        with self.assertRaisesRegex(BadHint, "keys of an object are text"):
            of_result(dict[int, str])

    def test_plain_types(self):
        self.check(str, {"type": "string"})
        self.check(bool, {"type": "boolean"})
        self.check(int, {"type": "integer"})
        self.check(float, {"type": "number"})
        self.check(bytes, {"type": "string", "contentEncoding": "base64"})
        self.check(Any, None)
        self.check(list, {"type": "array"})
        self.check(dict, {"type": "object"})
        self.check(dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}})
        self.check(set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True})
        self.check(tuple[int, ...], {"type": "array", "items": {"type": "integer"}})
        pair = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2}
        self.check(tuple[int, str], pair)

    def test_choices(self):
        self.check(Literal["a", "b"], {"type": "string", "enum": ["a", "b"]})
        self.check(Literal[1, "b"], {"type": ["integer", "string"], "enum": [1, "b"]})
        self.check(Colour, {"type": "string", "enum": ["red", "blue"]})

    def test_unions(self):
        self.check(Optional[str], {"type": ["string", "null"]})
        self.check(Literal["a"] | None, {"type": ["string", "null"], "enum": ["a", None]})
        self.check(int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]})
        self.check(int | str | None, {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]})

    def test_constraints(self):
        self.check(
            Annotated[int, Arg(ge=1, le=7, description="How many.")],
            {"type": "integer", "minimum": 1, "maximum": 7, "description": "How many."},
        )
        self.check(
            Annotated[str, "A name.", Arg(min_length=1, pattern="^a")],
            {"type": "string", "minLength": 1, "pattern": "^a", "description": "A name."},
        )
        self.check(Annotated[list[int], Arg(max_length=3)], {"type": "array", "items": {"type": "integer"}, "maxItems": 3})
        self.check(
            Annotated[str, Arg(schema={"format": "date"}, header="Day")], {"type": "string", "x-mcp-header": "Day", "format": "date"}
        )

    def test_records(self):
        x = {"type": "integer", "description": "To the right."}
        y = {"type": "integer", "description": "Upwards, and a little more.", "default": 0}
        self.check(Point, {"type": "object", "description": "Where it is.", "properties": {"x": x, "y": y}, "required": ["x"]})
        properties = {"deep": {"type": "boolean"}, "label": {"type": "string"}}
        self.check(Options, {"type": "object", "properties": properties, "required": ["deep"]})

    def test_a_type_that_holds_itself_is_defined_once(self):
        found = of_result(Tree)
        self.assertEqual(found["properties"]["below"]["items"], {"$ref": "#/$defs/Tree"})
        self.assertEqual(found["type"], "object")
        self.assertIn("Tree", found["$defs"])

    def test_what_json_has_not_is_refused(self):
        for hint in (complex, dict[int, str], Literal[b"a"]):
            with self.assertRaises(BadHint):
                of_result(hint)


class ValuesTest(unittest.TestCase):
    def check(self, hint: Any, text: str, expected: Any) -> None:
        self.assertEqual(values.from_json(hint, json.loads(text)), expected)

    def refuse(self, hint: Any, text: str, reason: str) -> None:
        with self.assertRaisesRegex(Unfit, reason):
            values.from_json(hint, json.loads(text), "it")

    def test_values_are_read(self):
        self.check(int, "2.0", 2)
        self.check(float, "2", 2.0)
        self.check(bytes, '"YWI="', b"ab")
        self.check(Colour, '"red"', Colour.RED)
        self.check(Point, '{"x": 1}', Point(1, 0))
        self.check(Options, '{"deep": true}', {"deep": True})
        self.check(Tree, '{"name": "a", "below": [{"name": "b"}]}', Tree("a", [Tree("b")]))
        self.check(set[int], "[1, 2, 2]", {1, 2})
        self.check(tuple[int, str], '[1, "a"]', (1, "a"))
        self.check(dict[str, list[int]], '{"a": [1]}', {"a": [1]})
        self.check(int | str | None, '"a"', "a")
        self.check(int | None, "null", None)

    def test_what_does_not_fit_is_named(self):
        self.refuse(int, "true", "^it is not an integer$")
        self.refuse(float, '"1"', "^it is not a number$")
        self.refuse(Point, "{}", r"^it\.x is missing$")
        self.refuse(list[Point], '[{"x": 1}, {"x": "a"}]', r"^it\[1\]\.x is not an integer$")
        self.refuse(Colour, '"green"', "^it is none of red, blue$")
        self.refuse(bytes, '"?"', "^it is not base64$")
        self.refuse(tuple[int, str], "[1]", "^it has 1 items, and 2 are wanted$")

    def test_values_are_written(self):
        value = {"point": Point(1), "colour": Colour.BLUE, "bytes": b"ab", "text": "é<&>", "none": None, "items": (1.5, True)}
        text = '{"point":{"x":1,"y":0},"colour":"blue","bytes":"YWI=","text":"é<&>","none":null,"items":[1.5,true]}'
        self.assertEqual(values.json_text(value), text)
        for wrong in (float("nan"), {(1, 2): 2}, object()):
            with self.assertRaisesRegex(Exception, "cannot be said in JSON"):
                values.json_text(wrong)
