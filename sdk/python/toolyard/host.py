"""What the plugin tells its host, and what it asks of it. In a component, `guest` puts the host here; in tests, `testing` does."""

from typing import Any, Protocol


class Host(Protocol):
    """The host's own functions. Levels are those of `logging`."""

    def log(self, level: int, context: str, message: str) -> None: ...
    def progress(self, done: float, total: float | None, message: str | None) -> None: ...
    def list_changed(self, what: str) -> None: ...
    def resource_updated(self, uri: str) -> None: ...
    def config(self, key: str) -> str | None: ...
    def config_all(self) -> dict[str, str]: ...
    def open_store(self, name: str) -> Any: ...
    def send(self, request: Any, deadline: float) -> Any: ...


class NotInACall(RuntimeError):
    """Something was asked of the host outside of a call."""


class Nobody:
    """No host: a module's own code runs once, when the plugin is built."""

    def __getattr__(self, name: str) -> Any:
        raise NotInACall(f"there is no host for `{name}` here: call it in a function, or in a test under `testing.Grants`")

    def log(self, level: int, context: str, message: str) -> None:
        """What is logged while the plugin is built is for nobody."""


_host: Any = Nobody()


def current() -> Any:
    return _host


def use(host: Any) -> Any:
    """Puts a host in place, and gives back the one that was there."""
    global _host
    before, _host = _host, host
    return before
