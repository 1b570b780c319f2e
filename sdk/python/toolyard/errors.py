"""Why a call gave no result. Raise one of these; whatever else is raised is a mistake of the plugin's own."""

from typing import Any


class ToolError(Exception):
    """It did not work. The model reads the message, so say what would."""

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArguments(ToolError):
    """The arguments are not usable. Say which, and what would be."""


class Denied(ToolError):
    """The caller may not do this."""


class Retryable(ToolError):
    """It did not work now and had no effect: running it again is safe and may help."""

    def __init__(self, message: str, after_ms: int | None = None):
        super().__init__(message)
        # How long to wait. None: the host decides.
        self.after_ms = after_ms


class Internal(ToolError):
    """The plugin itself is at fault. The caller's program gets a protocol error with this message."""


class NotFound(ToolError):
    """There is nothing by that URI."""

    def __init__(self, message: str = "there is nothing by that name"):
        super().__init__(message)


class NeedInput(BaseException):
    """Carries questions out of a function, to the host. No `Exception`, so that a plugin's own `except` lets it pass.

    `requests` are pairs of a key and a question as the host takes it; `state` is wanted back with the answers.
    """

    def __init__(self, requests: list[Any], state: bytes):
        super().__init__("more input is needed")
        self.requests = requests
        self.state = state
