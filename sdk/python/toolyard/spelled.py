"""Types that JSON has no word for, and which are spelled as text there: dates, times, UUIDs, decimal numbers.

They are known by their names, so that a plugin that uses none of them carries none of their modules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spelling:
    """How one type is written."""

    schema: dict[str, Any]
    read: Callable[[type, str], Any]
    write: Callable[[Any], str]
    # What a text should have been, for whoever wrote another.
    words: str


def _iso(kind: type, text: str) -> Any:
    return kind.fromisoformat(text)  # type: ignore[attr-defined]


def _made(kind: type, text: str) -> Any:
    return kind(text)


def _isoformat(value: Any) -> str:
    return str(value.isoformat())


# What `datetime` reads is ISO 8601, which is a little more than the `date-time` of RFC 3339 that schemas tell of.
_SPELLINGS = {
    "datetime.datetime": Spelling({"type": "string", "format": "date-time"}, _iso, _isoformat, "a date and time such as 2026-01-31T12:00:00Z"),
    "datetime.date": Spelling({"type": "string", "format": "date"}, _iso, _isoformat, "a date such as 2026-01-31"),
    "datetime.time": Spelling({"type": "string", "format": "time"}, _iso, _isoformat, "a time such as 12:00:00"),
    "uuid.UUID": Spelling({"type": "string", "format": "uuid"}, _made, str, "a UUID"),
    "decimal.Decimal": Spelling({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}, _made, str, "a decimal number such as 9.95"),
}


def of(kind: Any) -> Spelling | None:
    """How values of a type are spelled, or None where JSON has its own words for them."""
    return _SPELLINGS.get(f"{kind.__module__}.{kind.__qualname__}") if isinstance(kind, type) else None
