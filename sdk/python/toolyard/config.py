"""What the operator set for this plugin: `wasi:config`.

The values stand in the host's configuration, under `[plugin.NAME.grants.config]`; a key of `[plugin.NAME.grants.secrets]` gives a secret's value
under that key. There is nothing where the operator wrote nothing, so every setting needs a default or an error of its own.
"""

from collections.abc import Callable
from typing import TypeVar, overload

from . import host
from .errors import ToolError

T = TypeVar("T")


@overload
def get(key: str) -> str | None: ...
@overload
def get(key: str, default: str) -> str: ...
def get(key, default=None):
    """The setting `key`, if the operator made it."""
    found = host.current().config(key)
    return default if found is None else found


def read(key: str, kind: Callable[[str], T], default: T | None = None) -> T | None:
    """The setting `key` as a number, or as whatever else `kind` makes of text. The error names the key, and not its value."""
    found = host.current().config(key)
    if found is None:
        return default
    try:
        return kind(found.strip())
    except (ValueError, TypeError) as error:
        raise ToolError(f"the operator's setting `{key}` cannot be used: it is no `{kind.__name__}`") from error


def all() -> dict[str, str]:
    """All settings, by key."""
    return host.current().config_all()
