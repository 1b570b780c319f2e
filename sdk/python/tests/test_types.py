"""The hints of the SDK, as authors meet them in their editors."""

import subprocess
import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent

# As the template's pyproject.toml says it: what is wrong within the SDK is not the author's.
CONFIGURATION = f"[mypy]\nmypy_path = {HERE.parent}\nstrict = true\n[mypy-toolyard.*]\nfollow_imports = silent\n"


class TypesTest(unittest.TestCase):
    def test_a_plugin_passes_strictly(self):
        configuration = Path(self.enterContext(TemporaryDirectory())) / "mypy.ini"
        configuration.write_text(CONFIGURATION)
        command = [sys.executable, "-m", "mypy", "--config-file", str(configuration), "--cache-dir", str(configuration.parent)]
        ended = subprocess.run([*command, str(HERE / "typed" / "plugin.py")], capture_output=True, text=True)
        self.assertEqual((ended.stdout.strip(), ended.stderr), ("Success: no issues found in 1 source file", ""))


if __name__ == "__main__":
    unittest.main()
