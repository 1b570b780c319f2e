"""Which imports a plugin's source asks for, and what is said where there is nothing to build."""

import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from toolyard.build import BuildError, _module, _reason
from toolyard.scan import Scan


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.folder / (name.replace("__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))


class ScanTest(InAFolder):
    def scan(self, name: str = "plugin") -> Scan:
        scan = Scan([self.folder])
        scan.module(name)
        return scan

    def check(self, source: str, *parts: str) -> None:
        self.write(plugin=source)
        self.assertEqual(self.scan().parts, set(parts), source)

    def test_imports_of_the_package(self):
        self.check("from toolyard import tool")
        self.check("from toolyard import tool, http", "http")
        self.check("import toolyard.keyvalue as kv", "keyvalue")
        self.check("def f():\n    from toolyard.config import get", "config")
        self.check(
            "from toolyard import http\nfrom toolyard.keyvalue import Store\nfrom toolyard import config", "http", "keyvalue", "config"
        )

    def test_other_modules_are_followed(self):
        self.write(
            plugin="from inner import b", inner__a="from .b import x", inner__b="from toolyard import http", unused="import toolyard.config"
        )
        (self.folder / "inner" / "__init__.py").write_text("from . import a\nimport json")
        self.assertEqual(self.scan().parts, {"http"})

    def test_imports_in_functions_are_for_later(self):
        self.write(plugin="import json\ndef f():\n    import colorsys\n    from xml.etree import ElementTree")
        self.assertEqual(self.scan().late, {"colorsys", "xml.etree"})


class BuildTest(InAFolder):
    def test_the_module(self):
        with self.assertRaisesRegex(BuildError, "there is no `plugin.py`"):
            _module(self.folder)
        self.write(src__weather="")
        (self.folder / "pyproject.toml").write_text('[tool.toolyard]\nmodule = "weather"')
        self.assertEqual(_module(self.folder), "weather")
        (self.folder / "pyproject.toml").write_text('[tool.toolyard]\nmodule = "../x"')
        with self.assertRaisesRegex(BuildError, "no module's name"):
            _module(self.folder)
        (self.folder / "pyproject.toml").write_text("[")
        with self.assertRaisesRegex(BuildError, "is no TOML"):
            _module(self.folder)

    def test_reasons_are_those_of_the_plugin(self):
        trace = 'Traceback (most recent call last):\n  File "/3/toolyard_entry.py", line 4, in <module>\n    import plugin\n'
        own = '  File "/0/plugin.py", line 2, in <module>\n    A = config.get("a")\n'
        ours = '  File "/2/toolyard/config.py", line 22, in get\n    found = ...\n            ^^^\n'
        after = "\n\n\nCaused by:\n  more"
        said = f"Traceback\nAssertionError: {trace}{own}{ours}toolyard.host.NotInACall: there is no host{after}"
        expected = 'Traceback (most recent call last):\n  File "plugin.py", line 2, in <module>\n    A = config.get("a")\nthere is no host'
        self.assertEqual(_reason(said, 1), expected)
        self.assertEqual(_reason(f"AssertionError: {trace}{ours}toolyard.hints.BadHint: it is bad{after}", 1), "it is bad")
        self.assertEqual(_reason("plain\n", 1), "plain")

    def test_the_command_says_what_is_missing_in_one_line(self):
        command = [sys.executable, "-m", "toolyard.build", str(self.folder), "-o", str(self.folder / "out.wasm")]
        ended = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, env={"PATH": ""})
        self.assertIn(ended.returncode, (1, 3))
        self.assertEqual(len(ended.stderr.strip().splitlines()), 1, ended.stderr)
