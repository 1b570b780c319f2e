"""Builds a plugin: `python -m toolyard.build PROJECT -o OUT`. `toolyard build` runs this; it needs componentize-py."""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from .scan import Scan

COMPONENTIZE_PY = "0.25.1"
# The exit code that says that a tool is missing.
MISSING_TOOL = 3

_PACKAGE = Path(__file__).resolve().parent
# The same in the repository and where `toolyard build` lays the SDK down.
_WIT = _PACKAGE.parents[2] / "wit"

_ENTRY = """\
# Written by `toolyard build`. Runs once, when the plugin is built; what is in memory after it is the component.
import toolyard.bundle
import toolyard.guest
import {module}
from toolyard.guest import (
    ToolyardPluginCompletions010,
    ToolyardPluginPrompts010,
    ToolyardPluginResources010,
    ToolyardPluginTools010,
)

for name in {late!r}:
    try:
        __import__(name)
    except Exception:
        # The function that imports it may know what to do without, or never run here.
        pass
toolyard.guest.prepare({parts!r})
toolyard.bundle.finish()
"""

_WORLD = """\
// Written by `toolyard build`: what this plugin imports follows from its source.
package toolyard:python;

world python-plugin {{
    import toolyard:plugin/progress@0.1.0;
    import toolyard:plugin/changes@0.1.0;
    import wasi:logging/logging@0.1.0-draft;
{imports}
    export toolyard:plugin/tools@0.1.0;
    export toolyard:plugin/resources@0.1.0;
    export toolyard:plugin/prompts@0.1.0;
    export toolyard:plugin/completions@0.1.0;
}}
"""

_IMPORTS = {
    "config": ["wasi:config/store@0.2.0-rc.1"],
    "http": ["wasi:http/outgoing-handler@0.2.12", "wasi:clocks/monotonic-clock@0.2.12"],
    "keyvalue": ["wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/atomics@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"],
}


class BuildError(Exception):
    """Why there is no component, in words for the author."""

    def __init__(self, message: str, code: int = 1):
        super().__init__(message)
        self.code = code


def build(project: Path, out: Path) -> None:
    """Writes the component of the plugin in the folder `project` to `out`."""
    tool = _componentize()
    module = _module(project)
    roots = [root for root in (project / "src", project) if root.is_dir()]
    scan = Scan([*roots, Path(sysconfig.get_path("purelib"))])
    scan.module(module)
    work = project / ".toolyard" / "python"
    (work / "world").mkdir(parents=True, exist_ok=True)
    parts = sorted(scan.parts)
    imports = "\n".join(f"    import {name};" for part in parts for name in _IMPORTS[part])
    (work / "world" / "world.wit").write_text(_WORLD.format(imports=imports))
    (work / "toolyard_entry.py").write_text(_ENTRY.format(module=module, late=sorted(scan.late), parts=parts))
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [flag for root in (*roots, _PACKAGE.parent, work) for flag in ("-p", str(root))]
    arguments = ["--quiet", "-d", str(_WIT), "-d", str(work / "world"), "-w", "toolyard:python/python-plugin", "--full-names"]
    _run([*tool, *arguments, "componentize", *paths, "-o", str(out), "toolyard_entry"], len(roots))


def _componentize() -> list[str]:
    if importlib.util.find_spec("componentize_py"):
        return [sys.executable, "-c", "import sys; from componentize_py import script; sys.exit(script())"]
    found = shutil.which("componentize-py")
    if found:
        return [found]
    command = f"{Path(sys.executable).name} -m pip install componentize-py=={COMPONENTIZE_PY}"
    raise BuildError(f"componentize-py is not installed: run `{command}`", MISSING_TOOL)


def _module(project: Path) -> str:
    """The plugin's module: `plugin`, unless pyproject.toml names another."""
    manifest = project / "pyproject.toml"
    try:
        written = tomllib.loads(manifest.read_text()) if manifest.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{manifest} is no TOML: {error}") from error
    name = written.get("tool", {}).get("toolyard", {}).get("module", "plugin")
    if not all(part.isidentifier() for part in str(name).split(".")):
        raise BuildError(f"{manifest}: `{name}` is no module's name")
    path = str(name).replace(".", "/")
    if any((project / place / file).is_file() for place in ("src", ".") for file in (f"{path}.py", f"{path}/__init__.py")):
        return name
    raise BuildError(
        f'there is no `{path}.py` in {project}: write it, or name another with `module = "…"` under `[tool.toolyard]` in pyproject.toml'
    )


def _run(command: list[str], own: int) -> None:
    environment = dict(os.environ)
    # componentize-py looks for packages where this says, and else asks whichever `python` is first.
    if sys.prefix != sys.base_prefix:
        environment["VIRTUAL_ENV"] = sys.prefix
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode != 0:
        raise BuildError(_reason(ended.stdout, own))


def _reason(said: str, own: int) -> str:
    """What componentize-py says of a plugin that cannot be imported, without its own traces and those of this package.

    The first `own` folders are the plugin's; componentize-py names folders by their numbers.
    """
    said = said.partition("AssertionError: ")[2] or said
    said = said.partition("\n\nCaused by:")[0].partition("\nStack backtrace:")[0].strip()
    kept = []
    keep = True
    for line in said.splitlines():
        if line.startswith('  File "'):
            place = re.match(r'  File "/(\d+)/', line)
            keep = place is None or int(place[1]) < own
            line = re.sub(r'"/\d+/', '"', line, count=1)
        elif not line.startswith("    "):
            keep = True
        if keep:
            kept.append(re.sub(r"^toolyard\.\w+\.\w+: ", "", line))
    if not any(line.startswith("  File") for line in kept):
        kept = [line for line in kept if not line.startswith("Traceback (most recent")]
    return "\n".join(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="toolyard.build", description="Builds a plugin that is written in Python.")
    parser.add_argument("project", type=Path, help="the plugin's folder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where the component goes")
    options = parser.parse_args()
    try:
        build(options.project.resolve(), options.output.resolve())
    except BuildError as error:
        print(error, file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
