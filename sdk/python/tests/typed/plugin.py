"""A plugin as a type checker sees it: `test_types` has mypy read it, strictly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_type

from toolyard import Confirm, Context, Form, completion, config, prompt, resource, resources, tool
from toolyard import Resource as Entry
from toolyard.keyvalue import Store


@dataclass
class Address:
    street: str


@tool
def double(n: int) -> int:
    """Doubles."""
    return 2 * n


@tool(title="Deliver", read_only=False)
def deliver(context: Context, to: str = "") -> str:
    """Delivers."""
    if not context.ask("sure", Confirm("Sure?")).accepted:
        return "not sent"
    answer = context.ask("address", Form("Where to?", Address))
    assert_type(answer.value, Address)
    return answer.value.street + to


@resource("shop://{name}")
def article(name: str) -> str | None:
    return name or None


@resources
def articles() -> list[Entry]:
    return []


@prompt(title="Plan")
def plan(guests: int) -> str:
    return str(guests)


@completion(template="shop://{name}", argument="name")
def names(value: str) -> list[str]:
    return [value]


def granted() -> None:
    assert_type(config.get("a"), str | None)
    assert_type(config.get("a", "b"), str)
    assert_type(config.read("n", int), int | None)
    assert_type(config.read("n", int, 1), int)
    assert_type(Store().update_json("list", count, default=[]), int)


def count(old: list[int]) -> int:
    return len(old)


# Decorators leave functions what they were.
assert_type(double(2), int)
find: Callable[[str], str | None] = article
