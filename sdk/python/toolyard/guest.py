"""The plugin's side of the contract: what the host calls. Only in a component; `build` writes the module that imports this."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.exports import (
    toolyard_plugin_completions_0_1_0 as completions,
    toolyard_plugin_prompts_0_1_0 as prompts,
    toolyard_plugin_resources_0_1_0 as resources,
    toolyard_plugin_tools_0_1_0 as tools,
)
from wit_world.imports import (
    toolyard_plugin_changes_0_1_0 as changes,
    toolyard_plugin_progress_0_1_0 as progress,
    toolyard_plugin_types_0_1_0 as types,
    wasi_logging_logging_0_1_0_draft as wasi_logging,
)

from . import PLUGIN, Plugin, errors, host, logs, warm, wire

_LEVELS = [
    (logging.CRITICAL, wasi_logging.Level.CRITICAL),
    (logging.ERROR, wasi_logging.Level.ERROR),
    (logging.WARNING, wasi_logging.Level.WARN),
    (logging.INFO, wasi_logging.Level.INFO),
    (logging.DEBUG, wasi_logging.Level.DEBUG),
]
_LISTS = {"tools": changes.Listing.TOOLS, "prompts": changes.Listing.PROMPTS, "resources": changes.Listing.RESOURCES}
# All that the caller learns. What happened is in the host's log.
_BROKEN = "the plugin failed inside; the host's log says where"

_log = logging.getLogger("toolyard")
_described: dict[str, Any] = {}


class WasiHost:
    """The host of a component."""

    def log(self, level: int, context: str, message: str) -> None:
        named = next((name for at_least, name in _LEVELS if level >= at_least), wasi_logging.Level.TRACE)
        wasi_logging.log(named, context, message)

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        progress.report(done, total, message)

    def list_changed(self, what: str) -> None:
        changes.list_changed(_LISTS[what])

    def resource_updated(self, uri: str) -> None:
        changes.resource_updated(uri)

    def config(self, key: str) -> str | None:
        # The interface allows for errors of the place that settings come from. A plugin is then left with its defaults.
        try:
            return _config.get(key)
        except Err:
            return None

    def config_all(self) -> dict[str, str]:
        try:
            return dict(_config.get_all())
        except Err:
            return {}

    def open_store(self, name: str) -> Any:
        return _keyvalue.Bucket(name)

    def send(self, request: Any, deadline: float) -> Any:
        return _http.send(request, deadline)


_config: Any = None
_keyvalue: Any = None
_http: Any = None


def prepare(imports: list[str]) -> None:
    """Makes everything ready that can be made ready once, when the plugin is built."""
    global _config, _keyvalue, _http
    if "config" in imports:
        from wit_world.imports import wasi_config_store_0_2_0_rc_1 as _config
    if "keyvalue" in imports:
        from . import wasi_keyvalue as _keyvalue
    if "http" in imports:
        from . import wasi_http as _http
    logs.install()
    PLUGIN.check()
    _described["tools"] = [wire.tool(tool) for tool in PLUGIN.tools.values()]
    _described["prompts"] = [wire.prompt(prompt) for prompt in PLUGIN.prompts.values()]
    _described["resources"] = wire.resource_description(PLUGIN)
    warm.run(_warm)
    host.use(host.Nobody())


_HOST = WasiHost()


def _run(work: Callable, call: Any, resume: Any, need_input: Any) -> Any:
    """Runs what a call asks for, and makes everything that may be raised an answer."""
    host.use(_HOST)
    try:
        return work(lambda: wire.context(call, resume))
    except errors.NeedInput as asked:
        if need_input:
            return need_input(wire.need(asked))
        raise Err(types.Error_Internal("lists and suggestions cannot ask for input")) from None
    except errors.ToolError as error:
        if isinstance(error, errors.Internal):
            _log.error("%s", error, exc_info=error)
        raise Err(wire.error(error)) from None
    except BaseException as error:
        _log.error("a call failed inside", exc_info=error)
        raise Err(types.Error_Internal(_BROKEN)) from None
    finally:
        # What was printed without an end of line would otherwise be lost with the instance.
        sys.stdout.flush()
        sys.stderr.flush()


def _call_tool(plugin: Plugin, name: str, arguments: str, call: Any, resume: Any) -> Any:
    def work(context: Any) -> Any:
        return tools.Outcome_Complete(wire.tool_result(plugin.call(name, arguments, context)))

    return _run(work, call, resume, tools.Outcome_NeedInput)


def _warm(plugin: Plugin, name: str, arguments: str, call: Any) -> None:
    try:
        _call_tool(plugin, name, arguments, call, None)
    except Err:
        # One of the samples fails on purpose.
        pass


class ToolyardPluginTools010:
    def describe(self) -> list:
        return _described["tools"]

    def call(self, name: str, arguments: str, call: Any, resume: Any) -> Any:
        return _call_tool(PLUGIN, name, arguments, call, resume)


class ToolyardPluginResources010:
    def describe(self) -> Any:
        return _described["resources"]

    def list(self, cursor: str | None, call: Any) -> Any:
        return _run(lambda context: wire.resource_page(PLUGIN.list_resources(cursor, context)), call, None, None)

    def read(self, uri: str, call: Any, resume: Any) -> Any:
        def work(context: Any) -> Any:
            try:
                return resources.ReadOutcome_Complete([wire.contents(held) for held in PLUGIN.read(uri, context)])
            except errors.NotFound:
                return resources.ReadOutcome_NotFound()

        return _run(work, call, resume, resources.ReadOutcome_NeedInput)


class ToolyardPluginPrompts010:
    def describe(self) -> Any:
        return _described["prompts"]

    def get(self, name: str, arguments: Any, call: Any, resume: Any) -> Any:
        def work(context: Any) -> Any:
            return prompts.PromptOutcome_Complete(wire.prompt_result(PLUGIN.get_prompt(name, dict(arguments), context)))

        return _run(work, call, resume, prompts.PromptOutcome_NeedInput)


class ToolyardPluginCompletions010:
    def complete(self, reference: Any, argument: str, value: str, known: Any, call: Any) -> Any:
        kind = "prompt" if isinstance(reference, completions.Reference_Prompt) else "resource-template"

        def work(context: Any) -> Any:
            found = PLUGIN.complete(kind, reference.value, argument, value, dict(known), context)
            return completions.Completion(found.values, found.total, found.has_more)

        return _run(work, call, None, None)
