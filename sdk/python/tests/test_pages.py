"""The code on the pages runs."""

import re
import sys
import types
import unittest
from pathlib import Path

from toolyard import PLUGIN, Plugin

_SDK = Path(__file__).parents[1]
_PAGES = [_SDK / "README.md", _SDK.parents[1] / "docs" / "plugins" / "python.md"]


class PagesTest(unittest.TestCase):
    def test_code_runs_from_top_to_bottom(self):
        for page in _PAGES:
            with self.subTest(page.name):
                code = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
                self.assertGreater(len(code), 2)
                module = types.ModuleType("plugin")
                before, there = dict(PLUGIN.__dict__), sys.modules.get("plugin")
                PLUGIN.__dict__.update(Plugin().__dict__)
                sys.modules["plugin"] = module
                try:
                    for block in code:
                        exec(compile(block, str(page), "exec"), module.__dict__)
                    PLUGIN.check()
                    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
                    result = unittest.TestResult()
                    suite.run(result)
                    self.assertEqual(result.errors + result.failures, [])
                finally:
                    PLUGIN.__dict__.update(before)
                    sys.modules.pop("plugin")
                    if there:
                        sys.modules["plugin"] = there
