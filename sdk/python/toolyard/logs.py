"""The standard library's `logging`, with the host at its end."""

import logging

from . import host

TRACE = 5
# Of a function that calls itself without end, the beginning and the end say enough.
_FRAMES_MAX = 40


class HostHandler(logging.Handler):
    """Hands records to the host, which drops those below the operator's level. The logger's name is the context."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as error:
            message = f"{record.msg!r} cannot be formatted with {record.args!r}: {error}"
        if record.exc_info and record.exc_info[1]:
            message = f"{message}\n{traceback_text(record.exc_info[1])}"
        host.current().log(record.levelno, record.name, message)


def install() -> None:
    """Everything that is logged goes to the host."""
    logging.addLevelName(TRACE, "TRACE")
    root = logging.getLogger()
    if not any(isinstance(handler, HostHandler) for handler in root.handlers):
        root.addHandler(HostHandler())
    root.setLevel(TRACE)


def traceback_text(error: BaseException) -> str:
    """What happened, with its causes. The standard library's own needs source files, which a component has not got."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = _frames(cause)
        if len(frames) > _FRAMES_MAX:
            left_out = len(frames) - _FRAMES_MAX
            frames[_FRAMES_MAX // 2 : -_FRAMES_MAX // 2] = [f"  ... {left_out} more ..."]
        lines = ["Traceback (most recent call last):", *frames]
        said = str(cause)
        lines.append(f"{type(cause).__qualname__}: {said}" if said else type(cause).__qualname__)
        parts.insert(0, "\n".join(lines))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n\nwhich led to:\n\n".join(parts)


def _frames(error: BaseException) -> list[str]:
    found = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        found.append(f"  {_file(code.co_filename)}, line {step.tb_lineno}, in {code.co_qualname}")
        step = step.tb_next
    return found


def _file(path: str) -> str:
    """Without the folder that the build gave it, such as `/0/`."""
    first, _, rest = path.lstrip("/").partition("/")
    return rest if rest and first.isdigit() else path
