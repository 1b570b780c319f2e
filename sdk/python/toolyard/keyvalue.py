"""Values that outlive a call: `wasi:keyvalue`.

A plugin that was granted `[plugin.NAME.grants.keyvalue]` has a store of its own, for each tenant another. Calls run at the same time, on several
machines even, so what reads and then writes goes through `Store.update`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from . import host
from .errors import Retryable, ToolError
from .values import json_text

T = TypeVar("T")


class Error(ToolError):
    """Why a value could not be had or kept."""


class Denied(Error):
    """The operator granted no store."""

    def __init__(self) -> None:
        super().__init__("this plugin has no store to keep anything in")


class NoSuchStore(Error):
    """There is no store of that name."""

    def __init__(self) -> None:
        super().__init__("there is no store of that name")


class Unreadable(Error):
    """A value is not JSON."""


# How often an update begins again. Each time somebody else's got through, so only a key that many write at once comes near.
_UPDATES_MAX = 1000


class Store:
    """A plugin's values by their keys. Text that is stored is stored as UTF-8."""

    def __init__(self, name: str = "default"):
        self._bucket = host.current().open_store(name)

    def get(self, key: str) -> bytes | None:
        """The value of `key`, if it has one."""
        return self._bucket.get(key)

    def set(self, key: str, value: bytes | str) -> None:
        """Sets `key` to `value`, whatever it was."""
        self._bucket.set(key, _bytes(value))

    def delete(self, key: str) -> None:
        """Takes `key` away, if it is there."""
        self._bucket.delete(key)

    def exists(self, key: str) -> bool:
        """Whether `key` has a value."""
        return self._bucket.exists(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys in their order, or those that begin with `prefix`, fetched part by part."""
        cursor = None
        while True:
            part, cursor = self._bucket.list_keys(cursor)
            yield from (key for key in part if key.startswith(prefix))
            if cursor is None:
                return

    def get_many(self, keys: list[str]) -> list[bytes | None]:
        """The values of `keys`, in their order."""
        return self._bucket.get_many(keys)

    def set_many(self, values: dict[str, bytes | str]) -> None:
        """Sets several keys at once."""
        self._bucket.set_many([(key, _bytes(value)) for key, value in values.items()])

    def delete_many(self, keys: list[str]) -> None:
        """Takes several keys away."""
        self._bucket.delete_many(keys)

    def increment(self, key: str, delta: int = 1) -> int:
        """Adds `delta` to the number at `key`, which begins at 0, and gives the sum. One step, whoever else counts."""
        return self._bucket.increment(key, delta)

    def update(self, key: str, change: Callable[[bytes | None], bytes | str]) -> bytes:
        """Sets `key` to what `change` makes of its value, and gives that.

        If somebody else writes it meanwhile, `change` is asked again with what they wrote, so that no update is lost. It therefore has no
        other effect.
        """
        watched = self._bucket.watch(key)
        for _ in range(_UPDATES_MAX):
            changed = _bytes(change(watched.current()))
            watched = self._bucket.swap(watched, changed)
            if watched is None:
                return changed
        raise Retryable(f"too many write `{key}` at once; try again")

    def get_json(self, key: str, default: Any = None) -> Any:
        """The value of `key`, which is JSON."""
        value = self.get(key)
        return default if value is None else _from_json(key, value)

    def set_json(self, key: str, value: Any) -> None:
        """Sets `key` to `value` as JSON."""
        self.set(key, json_text(value))

    def update_json(self, key: str, change: Callable[[Any], T], default: Any = None) -> T:
        """`update` for a value that is JSON. `change` gets `default` where there is none."""
        made: list[T] = []

        def change_text(old: bytes | None) -> str:
            made[:] = [change(default if old is None else _from_json(key, old))]
            return json_text(made[0])

        self.update(key, change_text)
        return made[0]


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _from_json(key: str, value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise Unreadable(f"what is stored as `{key}` cannot be read: {error}") from error
