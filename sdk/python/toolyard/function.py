"""A plugin's function, taken apart: what it is called with, and what is said of it."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

from . import docs, hints, values
from .context import Context
from .errors import InvalidArguments
from .hints import Field

# The call, or what makes it where a function wants to know.
ContextSource = Context | Callable[[], Context]


class Function:
    """A function with its hints. They are read when all of the module is there, since they may name what stands below."""

    def __init__(self, call: Callable[..., Any]):
        if inspect.iscoroutinefunction(call):
            raise TypeError(f"`{call.__name__}` is asynchronous, and plugins are not: write `def {call.__name__}` and call what blocks")
        self.call = call
        self.name = call.__name__
        self.description, self._described = docs.parse(call.__doc__)
        self._context: str | None = None
        self._arguments: list[Field] | None = None
        self._readers: list[tuple[Field, values.Reader]] = []
        self._result: Any = hints.MISSING

    @property
    def arguments(self) -> list[Field]:
        self._resolve()
        return self._arguments  # type: ignore[return-value]

    @property
    def result(self) -> Any:
        """What it gives back, or MISSING where it does not say."""
        self._resolve()
        return self._result

    def _resolve(self) -> None:
        if self._arguments is not None:
            return
        said = typing.get_type_hints(self.call, include_extras=True)
        found = []
        for parameter in inspect.signature(self.call).parameters.values():
            hint = said.get(parameter.name, Any)
            if hint is Context:
                self._context = parameter.name
                continue
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(f"`{self.name}`: the arguments of a plugin's function have names, and `{parameter}` has none")
            default = hints.MISSING if parameter.default is parameter.empty else parameter.default
            required = default is hints.MISSING and not hints.is_optional(hint)
            found.append(Field(parameter.name, hint, required, self._described.get(parameter.name), default))
        self._result = said.get("return", hints.MISSING)
        self._arguments = found
        self._readers = [(argument, values.reader(argument.hint)) for argument in found]

    def run(self, given: dict[str, Any], context: ContextSource) -> Any:
        """Calls it with JSON values. It gets those that it names."""
        self._resolve()
        arguments: dict[str, Any] = {}
        for argument, read in self._readers:
            if argument.key in given:
                try:
                    arguments[argument.name] = read(given[argument.key], argument.key)
                except values.Unfit as unfit:
                    raise InvalidArguments(str(unfit)) from unfit
            elif argument.required:
                raise InvalidArguments(f"`{argument.key}` is missing")
            elif argument.default is hints.MISSING:
                arguments[argument.name] = None
        if self._context:
            arguments[self._context] = context() if callable(context) else context
        return self.call(**arguments)

    def run_with_text(self, given: dict[str, str], context: ContextSource) -> Any:
        """Calls it with texts, which its hints may want to be numbers or the like."""
        wanted = {argument.key: argument.hint for argument in self.arguments}
        return self.run({name: _from_text(wanted.get(name, str), text) for name, text in given.items()}, context)


def _from_text(hint: Any, text: str) -> Any:
    """The JSON value that a text stands for, where the hint wants no text."""
    hint, _ = hints.split(hint)
    kinds = [kind for kind in hints.alternatives(hint) or (hint,) if kind is not type(None)]
    if str in kinds or Any in kinds:
        return text
    try:
        if bool in kinds and text in ("true", "false"):
            return text == "true"
        if int in kinds:
            return int(text)
        return float(text) if float in kinds else text
    except ValueError:
        return text
