"""What a plugin offers, written down by decorators, and how a call finds its way."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from . import hints, results, schema
from .content import Annotations, Completion, Icon, PromptResult, Resource, ResourceContents, ResourcePage, ToolResult
from .errors import Internal, InvalidArguments, NotFound
from .function import ContextSource, Function
from .uri import Template
from .values import json_text, parse


# A function, which stays what it was: tests may call it.
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class About:
    """What clients and people call something."""

    name: str
    title: str | None
    description: str | None
    icons: list[Icon]
    meta: dict[str, Any] | None


@dataclass
class Tool:
    function: Function
    about: About
    # `read_only`, `destructive`, `idempotent`, `open_world`, each None where nothing is said.
    annotations: dict[str, bool | None]
    long_running: bool
    own_input_schema: dict[str, Any] | None
    own_output_schema: dict[str, Any] | None

    @functools.cached_property
    def is_data(self) -> bool | None:
        """Whether what it gives back is structured content. None: that shows when it is there."""
        return results.is_data(self.function.result)

    @property
    def input_schema(self) -> str:
        return json_text(self.own_input_schema or schema.of_arguments(self.function.arguments))

    @property
    def output_schema(self) -> str | None:
        if self.own_output_schema is not None:
            return json_text(self.own_output_schema)
        found = schema.of_result(self.function.result) if self.is_data else None
        return None if found is None else json_text(found)


@dataclass
class Readable:
    """Something that can be read: at one URI, at those of a template, or at those that begin with a prefix."""

    function: Function
    about: About
    uri: str | None
    template: Template | None
    prefix: str | None
    mime_type: str | None
    size: int | None
    annotations: Annotations | None

    @property
    def beginning(self) -> str:
        return self.uri or (self.template and self.template.beginning) or self.prefix or ""

    @property
    def type(self) -> str | None:
        return self.mime_type or ("application/json" if results.is_json(self.function.result) else None)

    def match(self, uri: str) -> dict[str, str] | None:
        if self.template:
            return self.template.match(uri)
        fits = uri == self.uri if self.uri else uri.startswith(self.prefix or "")
        # A function for a prefix is told the URI, if it has a parameter for it.
        return {"uri": uri} if fits else None


@dataclass
class Prompt:
    function: Function
    about: About


@dataclass
class Plugin:
    """All that a plugin offers, tools and prompts by their names. The decorators of the package fill the one in `toolyard.PLUGIN`."""

    tools: dict[str, Tool] = field(default_factory=dict)
    readables: list[Readable] = field(default_factory=list)
    listings: list[Function] = field(default_factory=list)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    # By the prompt's name or the template, and the argument.
    completers: dict[tuple[str, str, str], Function] = field(default_factory=dict)

    def check(self) -> None:
        """Finds what is wrong with the plugin before anybody calls it."""
        for tool in self.tools.values():
            try:
                _ = tool.input_schema, tool.output_schema, tool.is_data
            except hints.BadHint as error:
                raise hints.BadHint(f"the tool `{tool.about.name}`: {error}") from None
        functions = [part.function for part in self.readables] + [prompt.function for prompt in self.prompts.values()]
        for function in (*functions, *self.listings, *self.completers.values()):
            _ = function.arguments

    def call(self, name: str, arguments: str | dict[str, Any], context: ContextSource) -> ToolResult:
        """Runs the tool `name`. `arguments` is a JSON object, as text or as it is."""
        tool = self.tools.get(name)
        if tool is None:
            raise Internal(f"the plugin has no tool `{name}`")
        given = parse(arguments) if isinstance(arguments, str) else arguments
        return results.tool_result(tool.function.run(given, context), tool.is_data)

    def prefixes(self) -> list[str]:
        """The beginnings of the URIs that this plugin answers for, without those that others are the beginning of."""
        found: list[str] = []
        for beginning in sorted({readable.beginning for readable in self.readables}):
            if not any(beginning.startswith(shorter) for shorter in found):
                found.append(beginning)
        return found

    def list_resources(self, cursor: str | None, context: ContextSource) -> ResourcePage:
        """A part of the list: what has a URI of its own, then what the listing functions tell of."""
        index, own_cursor = _read_cursor(cursor)
        page = ResourcePage([] if cursor else [_resource(each) for each in self.readables if each.uri])
        for number in range(index, len(self.listings)):
            listed = self.listings[number].run({"cursor": own_cursor}, context)
            if not isinstance(listed, ResourcePage):
                listed = ResourcePage(list(listed))
            page.resources += listed.resources
            if listed.next is not None:
                page.next = f"{number}:{listed.next}"
                break
            own_cursor = None
        return page

    def read(self, uri: str, context: ContextSource) -> list[ResourceContents]:
        """Reads what is at `uri`."""
        for readable in self.readables:
            variables = readable.match(uri)
            if variables is None:
                continue
            contents = results.resource_contents(readable.function.run_with_text(variables, context))
            if contents:
                for each in contents:
                    each.uri = each.uri or uri
                    each.mime_type = each.mime_type or readable.type
                return contents
        raise NotFound()

    def get_prompt(self, name: str, arguments: dict[str, str], context: ContextSource) -> PromptResult:
        """Fills the prompt `name` in."""
        prompt = self.prompts.get(name)
        if prompt is None:
            raise Internal(f"the plugin has no prompt `{name}`")
        return results.prompt_result(prompt.function.run_with_text(arguments, context))

    def complete(self, kind: str, of: str, argument: str, value: str, known: dict[str, str], context: ContextSource) -> Completion:
        """Suggests values. `kind` is `prompt` or `resource-template`, `of` its name or template."""
        function = self.completers.get((kind, of, argument))
        if function is None:
            return Completion([], 0)
        suggested = function.run({"value": value, "known": known}, context)
        return suggested if isinstance(suggested, Completion) else Completion.of(list(suggested))

    # Decorators.

    @overload
    def tool(self, function: F) -> F: ...
    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        read_only: bool | None = None,
        destructive: bool | None = None,
        idempotent: bool | None = None,
        open_world: bool | None = None,
        long_running: bool = False,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
        input_schema: dict[str, Any] | None = None,
        output_schema: dict[str, Any] | None = None,
    ) -> Callable[[F], F]: ...
    def tool(
        self,
        function: F | None = None,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        read_only: bool | None = None,
        destructive: bool | None = None,
        idempotent: bool | None = None,
        open_world: bool | None = None,
        long_running: bool = False,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
        input_schema: dict[str, Any] | None = None,
        output_schema: dict[str, Any] | None = None,
    ) -> Any:
        """Makes a function a tool: its docstring the description, its parameters the arguments."""

        def write_down(function: F) -> F:
            taken = Function(function)
            about = _about(taken, name, title, description, icons, meta)
            _refuse_twice(about.name, "tool", self.tools)
            said = {"read_only": read_only, "destructive": destructive, "idempotent": idempotent, "open_world": open_world}
            self.tools[about.name] = Tool(taken, about, said, long_running, input_schema, output_schema)
            return function

        return write_down(function) if function else write_down

    def resource(
        self,
        uri: str | None = None,
        *,
        prefix: str | None = None,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        mime_type: str | None = None,
        size: int | None = None,
        annotations: Annotations | None = None,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Callable[[F], F]:
        """Makes a function a resource: at a URI, at those of a template such as `orders://{id}`, or at all with a prefix.

        It returns text, bytes, `ResourceContents`, a list of these, data that becomes JSON, or None: there is nothing.
        """
        if not isinstance(uri, str) and not prefix:
            raise TypeError('a resource needs a URI: write `@resource("orders://{id}")`')

        def write_down(function: F) -> F:
            taken = Function(function)
            about = _about(taken, name, title, description, icons, meta)
            template = Template(uri) if uri and "{" in uri else None
            self.readables.append(Readable(taken, about, None if template else uri, template, prefix, mime_type, size, annotations))
            return function

        return write_down

    def resources(self, function: F) -> F:
        """Makes a function tell of resources that are known only when it is asked: a list of `Resource`, or a `ResourcePage`."""
        self.listings.append(Function(function))
        return function

    @overload
    def prompt(self, function: F) -> F: ...
    @overload
    def prompt(
        self,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Callable[[F], F]: ...
    def prompt(
        self,
        function: F | None = None,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Any:
        """Makes a function a prompt. It returns text or content that the user says, messages, or a `PromptResult`."""

        def write_down(function: F) -> F:
            taken = Function(function)
            about = _about(taken, name, title, description, icons, meta)
            _refuse_twice(about.name, "prompt", self.prompts)
            self.prompts[about.name] = Prompt(taken, about)
            return function

        return write_down(function) if function else write_down

    def completion(self, *, argument: str, prompt: str | None = None, template: str | None = None) -> Callable[[F], F]:
        """Makes a function suggest values. It takes `value`, what is typed already, and may take `known`, the other arguments."""
        if (prompt is None) == (template is None):
            raise TypeError("suggestions are for a `prompt` or for a `template`")
        kind, of = ("prompt", prompt) if prompt is not None else ("resource-template", template)

        def write_down(function: F) -> F:
            self.completers[kind, str(of), argument] = Function(function)
            return function

        return write_down


def argument_title(hint: Any) -> str | None:
    """What a hint says of an argument's title."""
    return next((arg.title for arg in hints.split(hint)[1] if arg.title), None)


def argument_description(argument: hints.Field) -> str | None:
    said = next((arg.description for arg in hints.split(argument.hint)[1] if arg.description), None)
    return said or argument.description


def _about(function: Function, name: Any, title: Any, description: Any, icons: Any, meta: Any) -> About:
    return About(name or function.name, title, description or function.description, list(icons or []), meta)


def _refuse_twice(name: str, what: str, others: dict[str, Any]) -> None:
    if name in others:
        raise ValueError(f"there are two {what}s named `{name}`: rename one, or say `name=…`")


def _read_cursor(cursor: str | None) -> tuple[int, str | None]:
    """A cursor says which function is to go on, and in its own words where."""
    if cursor is None:
        return 0, None
    index, colon, own = cursor.partition(":")
    if not colon or not index.isdecimal():
        raise InvalidArguments("the cursor is none that this list gave out")
    return int(index), own


def _resource(readable: Readable) -> Resource:
    about = readable.about
    return Resource(
        readable.uri or "",
        about.name,
        about.title,
        about.description,
        readable.type,
        readable.size,
        about.icons,
        readable.annotations,
        about.meta,
    )
