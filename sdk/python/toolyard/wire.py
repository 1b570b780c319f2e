"""From the package's own types to those that cross to the host, and back. Only in a component."""

import enum
import json
from typing import Any

from wit_world.exports import (
    toolyard_plugin_prompts_0_1_0 as prompts,
    toolyard_plugin_resources_0_1_0 as resources,
    toolyard_plugin_tools_0_1_0 as tools,
)
from wit_world.imports import toolyard_plugin_types_0_1_0 as types

from . import content, errors, plugin
from .ask import Rounds
from .context import Client, Context, Trace
from .values import json_text

# A host may set bits beyond those that have a name: they say nothing.
types.ClientCapabilities._boundary_ = enum.FlagBoundary.CONFORM
_FLAGS = list(types.ClientCapabilities)
# Every set of them, so that a call finds it made.
_ABLE = {
    value: frozenset(flag.name.lower().replace("_", "-") for flag in types.ClientCapabilities(value)) for value in range(1 << len(_FLAGS))
}
_ROLES = {"user": types.Role.USER, "assistant": types.Role.ASSISTANT}
_THEMES = {None: None, "light": types.IconTheme.LIGHT, "dark": types.IconTheme.DARK}


def context(wire: Any, resume: Any) -> Context:
    client = wire.client
    trace = wire.trace and Trace(wire.trace.traceparent, wire.trace.tracestate, wire.trace.baggage)
    rounds = Rounds.resumed(dict(resume.responses), resume.state) if resume else Rounds()
    return Context(
        wire.tenant,
        wire.subject,
        wire.scopes,
        Client(client.name, client.version, _ABLE[client.capabilities.value]),
        wire.deadline_ms,
        wire.attempt,
        wire.idempotency_key,
        wire.wants_progress,
        trace,
        json.loads(wire.meta) if wire.meta else None,
        rounds,
    )


def need(asked: errors.NeedInput) -> Any:
    return types.InputNeed([(key, _request(*question)) for key, question in asked.requests], asked.state)


def _request(kind: str, said: Any) -> Any:
    if kind == "form":
        return types.InputRequest_Form(types.FormRequest(*said))
    if kind == "url":
        return types.InputRequest_Url(types.UrlRequest(*said))
    return types.InputRequest_Sampling(said) if kind == "sampling" else types.InputRequest_Roots()


def error(raised: errors.ToolError) -> Any:
    if isinstance(raised, errors.InvalidArguments):
        return types.Error_InvalidArguments(raised.message)
    if isinstance(raised, errors.Denied):
        return types.Error_Denied(raised.message)
    if isinstance(raised, errors.Retryable):
        return types.Error_Retryable(types.RetryHint(raised.message, raised.after_ms))
    if isinstance(raised, errors.Internal):
        return types.Error_Internal(raised.message)
    return types.Error_Failed(raised.message)


def _meta(meta: dict[str, Any] | None) -> str | None:
    return None if meta is None else json_text(meta)


def _annotations(hints: content.Annotations | None) -> Any:
    return hints and types.Annotations([_ROLES[role] for role in hints.audience], hints.priority, hints.last_modified)


def _icons(icons: list[content.Icon]) -> list:
    return [types.Icon(icon.src, icon.mime_type, icon.sizes, _THEMES[icon.theme]) for icon in icons]


def _piece(piece: content.Content) -> Any:
    if isinstance(piece, str):
        piece = content.Text(piece)
    hints = _annotations(piece.annotations)
    meta = _meta(piece.meta)
    if isinstance(piece, content.Text):
        return types.Content_Text(types.TextContent(piece.text, hints, meta))
    if isinstance(piece, content.Image):
        return types.Content_Image(types.MediaContent(piece.data, piece.mime_type, hints, meta))
    if isinstance(piece, content.Audio):
        return types.Content_Audio(types.MediaContent(piece.data, piece.mime_type, hints, meta))
    if isinstance(piece, content.ResourceLink):
        link = types.ResourceLink(
            piece.uri, piece.name, piece.title, piece.description, piece.mime_type, piece.size, _icons(piece.icons), hints, meta
        )
        return types.Content_ResourceLink(link)
    return types.Content_Resource(types.EmbeddedResource(contents(piece.contents), hints, meta))


def contents(held: content.ResourceContents) -> Any:
    body = types.ResourceBody_Text(held.data) if isinstance(held.data, str) else types.ResourceBody_Blob(bytes(held.data))
    return types.ResourceContents(held.uri, held.mime_type, body, _meta(held.meta))


def tool_result(result: content.ToolResult) -> Any:
    return tools.ToolResult([_piece(piece) for piece in result.content], result.structured, result.is_error, _meta(result.meta))


def prompt_result(result: content.PromptResult) -> Any:
    messages = [prompts.PromptMessage(_ROLES[message.role], _piece(message.content)) for message in result.messages]
    return prompts.PromptResult(result.description, messages, _meta(result.meta))


def resource_page(page: content.ResourcePage) -> Any:
    listed = [
        resources.Resource(
            each.uri,
            each.name,
            each.title,
            each.description,
            each.mime_type,
            each.size,
            _icons(each.icons),
            _annotations(each.annotations),
            _meta(each.meta),
        )
        for each in page.resources
    ]
    return resources.ResourcePage(listed, page.next)


def tool(tool: plugin.Tool) -> Any:
    about, said = tool.about, tool.annotations
    hints = None
    if any(hint is not None for hint in said.values()):
        hints = tools.ToolAnnotations(said["read_only"], said["destructive"], said["idempotent"], said["open_world"])
    return tools.Tool(
        about.name,
        about.title,
        about.description,
        tool.input_schema,
        tool.output_schema,
        hints,
        _icons(about.icons),
        tool.long_running,
        _meta(about.meta),
    )


def prompt(prompt: plugin.Prompt) -> Any:
    about = prompt.about
    arguments = [
        prompts.PromptArgument(each.key, plugin.argument_title(each.hint), plugin.argument_description(each), each.required)
        for each in prompt.function.arguments
    ]
    return prompts.Prompt(about.name, about.title, about.description, arguments, _icons(about.icons), _meta(about.meta))


def resource_description(whole: plugin.Plugin) -> Any:
    templates = [
        resources.ResourceTemplate(
            each.template.text,
            each.about.name,
            each.about.title,
            each.about.description,
            each.type,
            _icons(each.about.icons),
            _annotations(each.annotations),
            _meta(each.about.meta),
        )
        for each in whole.readables
        if each.template
    ]
    return resources.ResourceDescription(whole.prefixes(), templates)
