"""Modules that are imported only when a function runs, such as those that the standard library imports for itself in the middle of things.

A component has no files. What is imported while it is built is part of it as it stands then; of the rest of the standard library, and of the packages
that the plugin uses, the sources are kept here. Only in a component.
"""

import gc
import importlib.machinery
import logging
import os
import sys
import zlib
from typing import Any

# What is of no use without a terminal, a compiler, other processes, or files that are not there.
_LEFT_OUT = {
    "__phello__", "_aix_support", "_android_support", "_apple_support", "_ios_support", "_osx_support", "_pyrepl", "antigravity", "cProfile", "compileall",
    "ctypes", "curses", "dbm", "doctest", "ensurepip", "idlelib", "imaplib", "lib2to3", "multiprocessing", "nturl2path", "pdb", "poplib", "profile",
    "pstats", "pty", "pydoc", "pydoc_data", "smtplib", "ssl", "test", "this", "tkinter", "tty", "turtle", "turtledemo", "unittest", "venv",
    "wsgiref", "xmlrpc", "zipapp",
}  # fmt: skip

_log = logging.getLogger("toolyard.import")


class Bundle:
    """Finds and runs modules whose sources were kept: by name, whether it is a package, and the source, compressed."""

    def __init__(self):
        self._kept: dict[str, tuple[bool, bytes]] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        kept = self._kept.get(name)
        if kept is None:
            return None
        _log.debug(
            "`%s` is imported in a call; `import %s` at the top of a module makes it a part of the build, and calls faster", name, name
        )
        return importlib.machinery.ModuleSpec(name, self, origin=f"{name}.py", is_package=kept[0])

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        spec = module.__spec__
        source = zlib.decompress(self._kept[spec.name][1])
        exec(compile(source, spec.origin, "exec"), module.__dict__)

    def keep(self, name: str, folder: str, file: str) -> None:
        """Keeps the module or package that is at this place, and all that is in it."""
        path = f"{folder}/{file}"
        if file.endswith(".py"):
            if name not in sys.modules:
                with open(path, "rb") as source:
                    self._kept[name] = (file == "__init__.py", zlib.compress(source.read(), 9))
        elif os.path.exists(f"{path}/__init__.py"):
            self.keep(name, path, "__init__.py")
            for inner, own in _modules(path):
                self.keep(f"{name}.{own}", path, inner)


def _modules(folder: str) -> list[tuple[str, str]]:
    """The files and folders that are modules, and their names."""
    names = ((file, file.removesuffix(".py")) for file in sorted(os.listdir(folder)))
    return [(file, name) for file, name in names if _is_module(name)]


def _is_module(name: str) -> bool:
    # The one with a hyphen in its name is what `sysconfig` and `zoneinfo` read.
    return (name.isidentifier() and name not in ("__init__", "__main__", "__pycache__")) or name.startswith("_sysconfigdata")


def finish() -> None:
    """The last thing that a build does."""
    bundle = Bundle()
    standard = os.path.dirname(os.path.dirname(logging.__file__))
    for file, name in _modules(standard):
        if (name in sys.stdlib_module_names and name not in _LEFT_OUT) or name.startswith("_sysconfigdata"):
            bundle.keep(name, standard, file)
    for name, module in list(sys.modules.items()):
        is_own = name in sys.stdlib_module_names or name in ("toolyard", "wit_world", "__main__")
        if "." not in name and not is_own and hasattr(module, "__path__"):
            for folder in module.__path__:
                bundle.keep(name, os.path.dirname(folder), os.path.basename(folder))
    sys.meta_path.insert(2, bundle)
    # What is there now stays: looking at it again in each call would only touch its memory.
    gc.collect()
    gc.freeze()
