"""The host's key-value interfaces. Only in a component whose plugin imports `toolyard.keyvalue`."""

from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import (
    wasi_keyvalue_atomics_0_2_0_draft2 as atomics,
    wasi_keyvalue_batch_0_2_0_draft2 as batch,
    wasi_keyvalue_store_0_2_0_draft2 as store,
)

from . import keyvalue


class Watched:
    """A value as it was, to be exchanged if it still is."""

    def __init__(self, cas: Any):
        self.cas = cas

    def current(self) -> bytes | None:
        return _ask(self.cas.current)


class Bucket:
    """The plugin's store, at the host."""

    def __init__(self, name: str):
        self._bucket = _ask(store.open, name)

    def get(self, key: str) -> bytes | None:
        return _ask(self._bucket.get, key)

    def set(self, key: str, value: bytes) -> None:
        _ask(self._bucket.set, key, value)

    def delete(self, key: str) -> None:
        _ask(self._bucket.delete, key)

    def exists(self, key: str) -> bool:
        return _ask(self._bucket.exists, key)

    def list_keys(self, cursor: str | None) -> tuple[list[str], str | None]:
        part = _ask(self._bucket.list_keys, cursor)
        return part.keys, part.cursor

    def get_many(self, keys: list[str]) -> list[bytes | None]:
        return [pair and pair[1] for pair in _ask(batch.get_many, self._bucket, keys)]

    def set_many(self, pairs: list[tuple[str, bytes]]) -> None:
        _ask(batch.set_many, self._bucket, pairs)

    def delete_many(self, keys: list[str]) -> None:
        _ask(batch.delete_many, self._bucket, keys)

    def increment(self, key: str, delta: int) -> int:
        return _ask(atomics.increment, self._bucket, key, delta)

    def watch(self, key: str) -> Watched:
        return Watched(_ask(atomics.Cas.new, self._bucket, key))

    def swap(self, watched: Watched, value: bytes) -> Watched | None:
        """None where it was written; otherwise the value as it is now."""
        try:
            atomics.swap(watched.cas, value)
            return None
        except Err as error:
            if isinstance(error.value, atomics.CasError_CasFailed):
                return Watched(error.value.value)
            raise _error(error.value.value) from None


def _ask(function: Callable, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Err as error:
        raise _error(error.value) from None


def _error(said: Any) -> keyvalue.Error:
    if isinstance(said, store.Error_AccessDenied):
        return keyvalue.Denied()
    if isinstance(said, store.Error_NoSuchStore):
        return keyvalue.NoSuchStore()
    return keyvalue.Error(f"the store refused: {said.value}")
