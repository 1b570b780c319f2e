"""What the operator set for this plugin: `wasi:config`.

The values stand in the host's configuration, under `[plugin.NAME.grants.config]`; a key of `[plugin.NAME.grants.secrets]` gives a secret's value
under that key. There is nothing where the operator wrote nothing, so every setting needs a default or an error of its own.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from . import host
from .errors import ToolError

T = TypeVar("T")


@overload
def get(key: str) -> str | None: ...
@overload
def get(key: str, default: str) -> str: ...
def get(key: str, default: str | None = None) -> str | None:
    """The setting `key`, if the operator made it."""
    found: str | None = host.current().config(key)
    return default if found is None else found


@overload
def read(key: str, kind: Callable[[str], T]) -> T | None: ...
@overload
def read(key: str, kind: Callable[[str], T], default: T) -> T: ...
def read(key: str, kind: Callable[[str], T], default: T | None = None) -> T | None:
    """The setting `key` as a number, or as whatever else `kind` makes of text. The error names the key, and not its value.

    `bool` reads `true` and `false`.
    """
    found = get(key)
    if found is None:
        return default
    make: Callable[[str], Any] = _truth if kind is bool else kind
    try:
        made: T = make(found.strip())
    except (ValueError, TypeError, ArithmeticError) as error:
        words = "neither `true` nor `false`" if kind is bool else f"no `{getattr(kind, '__name__', kind)}`"
        raise ToolError(f"the operator's setting `{key}` cannot be used: it is {words}") from error
    return made


def all() -> dict[str, str]:
    """All settings, by key."""
    found: dict[str, str] = host.current().config_all()
    return found


def _truth(text: str) -> bool:
    # Python's own `bool` takes every text for true, `false` too.
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"
