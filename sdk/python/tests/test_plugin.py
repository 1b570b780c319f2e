"""What decorators write down, and the way of a call."""

import unittest
from dataclasses import dataclass
from typing import Annotated

from toolyard import (
    Arg,
    Completion,
    Content,
    Context,
    Image,
    Internal,
    InvalidArguments,
    Message,
    NotFound,
    Plugin,
    Resource,
    ResourceContents,
    ResourcePage,
    Text,
    ToolResult,
    testing,
)
from toolyard import docs
from toolyard.uri import Template

shop = Plugin()


@dataclass
class Price:
    cents: int
    from_: str = "here"


@shop.tool(title="Price", read_only=True)
def price(context: Context, article: str, count: Annotated[int, Arg(ge=1)] = 1, voucher: str | None = None, in_: str = "EUR") -> Price:
    """Says what an article costs.

    Args:
        article: The article's name.
        count: How many of it.

    Returns:
        Cents.
    """
    context.progress(1, 2, "looking")
    return Price(0 if voucher else 250 * count)


@shop.tool
def nothing() -> None:
    pass


@shop.tool
def pieces() -> list[Content | str]:
    return ["a", Image(b"1", "image/png")]


@shop.tool
def names() -> list[str]:
    return ["a"]


@shop.tool(name="whole", output_schema={"type": "integer"})
def everything() -> ToolResult:
    return ToolResult.of(1, [Text("one")], {"a": 1})


@shop.tool
def undeclared(kind: str):
    return {"text": "a", "data": {"b": 1}, "none": None, "piece": Text("c")}[kind]


@shop.resource("shop://about", mime_type="text/plain")
def about() -> str:
    """About the shop."""
    return "A shop."


@shop.resource("shop://articles/{name}")
def article(name: str) -> dict | None:
    return {"name": name} if name == "tea & milk" else None


@shop.resource("shop://pages/{number}/{+rest}")
def page(number: int, rest: str) -> bytes:
    return f"{number + 1}:{rest}".encode()


@shop.resource(prefix="shop://files/")
def file(uri: str) -> ResourceContents:
    return ResourceContents(uri.upper(), mime_type="text/x")


@shop.resources
def few() -> list[Resource]:
    return [Resource("shop://articles/1", "1")]


@shop.resources
def many(cursor: str | None) -> ResourcePage:
    number = int(cursor or "1")
    return ResourcePage([Resource(f"shop://articles/many{number}", "n")], str(number + 1) if number < 3 else None)


@shop.prompt(title="Plan")
def plan(guests: int, drink: str = "tea") -> str:
    """Plans a party."""
    return f"{drink} for {guests + 1}"


@shop.prompt
def talk() -> list[Message]:
    return [Message("Hello."), Message(Text("Hello?"), "assistant")]


@shop.completion(template="shop://articles/{name}", argument="name")
def article_names(value: str, known: dict[str, str]) -> list[str]:
    return [f"{value}{number}" for number in range(150)]


@shop.completion(prompt="plan", argument="drink")
def drinks(value: str) -> Completion:
    return Completion.starting_with(value, ["Tea", "Milk"])


class ToolsTest(unittest.TestCase):
    def call(self, name: str, arguments: str = "{}") -> ToolResult:
        with testing.Grants():
            return shop.call(name, arguments, testing.context())

    def test_a_tool_is_described(self):
        shop.check()
        tool = shop.tools["price"]
        self.assertEqual((tool.about.name, tool.about.title, tool.about.description), ("price", "Price", "Says what an article costs."))
        expected = (
            '{"type":"object","properties":{"article":{"type":"string","description":"The article\'s name."},'
            '"count":{"type":"integer","minimum":1,"description":"How many of it.","default":1},"voucher":{"type":["string","null"]},'
            '"in":{"type":"string","default":"EUR"}},"required":["article"],"additionalProperties":false}'
        )
        self.assertEqual(tool.input_schema, expected)
        self.assertIn('"from":{"type":"string","default":"here"}', tool.output_schema)

    def test_results(self):
        self.assertEqual(self.call("price", '{"article":"tea","count":2}').structured, '{"cents":500,"from":"here"}')
        self.assertEqual(self.call("nothing"), ToolResult())
        self.assertEqual(self.call("pieces").content, [Text("a"), Image(b"1", "image/png")])
        self.assertEqual(self.call("names").structured, '["a"]')
        self.assertEqual(self.call("whole"), ToolResult([Text("one")], "1", False, {"a": 1}))
        self.assertEqual(self.call("undeclared", '{"kind":"text"}').content, [Text("a")])
        self.assertEqual(self.call("undeclared", '{"kind":"data"}').structured, '{"b":1}')
        self.assertEqual(self.call("undeclared", '{"kind":"none"}'), ToolResult())
        self.assertEqual(self.call("undeclared", '{"kind":"piece"}').content, [Text("c")])

    def test_what_is_wrong_is_said(self):
        with self.assertRaisesRegex(InvalidArguments, "`article` is missing"):
            self.call("price")
        with self.assertRaisesRegex(InvalidArguments, "count is not an integer"):
            self.call("price", '{"article":"tea","count":"x"}')
        with self.assertRaisesRegex(Internal, "no tool `other`"):
            self.call("other")

    def test_a_plugin_that_cannot_be_is_refused(self):
        with self.assertRaisesRegex(ValueError, "two tools named `price`"):
            shop.tool(price)

        async def later() -> None:
            pass

        with self.assertRaisesRegex(TypeError, "asynchronous"):
            Plugin().tool(later)
        with self.assertRaisesRegex(TypeError, "needs a URI"):
            Plugin().resource(about)  # type: ignore[arg-type]
        wrong = Plugin()

        @wrong.tool
        def odd(value: complex) -> None:
            pass

        with self.assertRaisesRegex(TypeError, "the tool `odd`: `value`: `complex` cannot be said in JSON"):
            wrong.check()


class ResourcesTest(unittest.TestCase):
    def read(self, uri: str) -> ResourceContents:
        return shop.read(uri, testing.context())[0]

    def test_resources_are_read(self):
        self.assertEqual(self.read("shop://about"), ResourceContents("A shop.", "shop://about", "text/plain"))
        tea = "shop://articles/tea%20%26%20milk"
        self.assertEqual(self.read(tea), ResourceContents('{"name":"tea & milk"}', tea, "application/json"))
        self.assertEqual(self.read("shop://pages/6/a/b").data, b"7:a/b")
        self.assertEqual(self.read("shop://files/x"), ResourceContents("SHOP://FILES/X", "shop://files/x", "text/x"))
        for nothing in ("shop://articles/gold", "shop://other", "shop://articles/a/b"):
            with self.assertRaises(NotFound):
                self.read(nothing)

    def test_resources_are_listed_part_by_part(self):
        first = shop.list_resources(None, testing.context())
        self.assertEqual([each.uri for each in first.resources], ["shop://about", "shop://articles/1", "shop://articles/many1"])
        self.assertEqual(first.resources[0].description, "About the shop.")
        second = shop.list_resources(first.next, testing.context())
        third = shop.list_resources(second.next, testing.context())
        self.assertEqual([each.uri for each in second.resources + third.resources], ["shop://articles/many2", "shop://articles/many3"])
        self.assertIsNone(third.next)
        with self.assertRaises(InvalidArguments):
            shop.list_resources("x", testing.context())

    def test_prefixes(self):
        self.assertEqual(shop.prefixes(), ["shop://about", "shop://articles/", "shop://files/", "shop://pages/"])

    def test_templates(self):
        for template, uri, expected in [
            ("t://{id}/data", "t://a%2Fb%c3%A9é/data", {"id": "a/béé"}),
            ("t://{id}/data", "t://%2/data", None),
            ("t://{id}/data", "t://%ff/data", None),
            ("t://{name}.{ending}", "t://a.b.c", {"name": "a", "ending": "b.c"}),
            ("t://{+path}/meta", "t://a/meta/b/meta", {"path": "a/meta/b"}),
            ("t://{id}{?one,two}", "t://a?two=%20x&other=1&one", {"id": "a", "two": " x", "one": ""}),
            ("t://{id}{?one,two}", "t://a", {"id": "a"}),
            ("t://{id}{?one,two}", "t://a/b", None),
        ]:
            with self.subTest(uri):
                self.assertEqual(Template(template).match(uri), expected)
        for wrong in ("t://{a", "{a}", "t://{?a}/b"):
            with self.assertRaises(ValueError):
                Template(wrong)


class PromptsTest(unittest.TestCase):
    def test_prompts_are_filled_in(self):
        found = shop.get_prompt("plan", {"guests": "3"}, testing.context())
        self.assertEqual((found.messages[0].content, found.messages[0].role), (Text("tea for 4"), "user"))
        with self.assertRaisesRegex(InvalidArguments, "guests is not an integer"):
            shop.get_prompt("plan", {"guests": "many"}, testing.context())
        self.assertEqual([message.role for message in shop.get_prompt("talk", {}, testing.context()).messages], ["user", "assistant"])

    def test_suggestions(self):
        def suggest(kind: str, of: str, argument: str, value: str) -> Completion:
            return shop.complete(kind, of, argument, value, {}, testing.context())

        found = suggest("resource-template", "shop://articles/{name}", "name", "a")
        self.assertEqual((len(found.values), found.total, found.has_more), (100, 150, True))
        self.assertEqual(suggest("prompt", "plan", "drink", "t").values, ["Tea"])
        self.assertEqual(suggest("prompt", "plan", "guests", ""), Completion([], 0))


class DocsTest(unittest.TestCase):
    def test_sections_are_told_apart(self):
        doc = """Does it.

        More of it.

        Args:
            one: The first,
                and more.
            two (int): The second.

        Returns:
            three: Nothing of this.
        """
        self.assertEqual(docs.parse(doc), ("Does it.\n\nMore of it.", {"one": "The first, and more.", "two": "The second."}))
        self.assertEqual(docs.parse(None), (None, {}))
