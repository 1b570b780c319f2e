"""Which modules a plugin imports, read from its source without running it."""

import ast
import sys
from pathlib import Path

# The package's modules that use an import of their own.
PARTS = ("config", "http", "keyvalue")


class Scan:
    """Follows the imports of a module through `roots`, the folders in which modules are looked for."""

    def __init__(self, roots: list[Path]):
        self.roots = roots
        # Those of `PARTS` that are used.
        self.parts: set[str] = set()
        # What is imported inside of functions, where it may be meant for later.
        self.late: set[str] = set()
        self._seen: set[str] = set()

    def module(self, name: str) -> None:
        """Reads a module and all that it imports, but for the standard library and this package."""
        if name in self._seen or name.partition(".")[0] in sys.stdlib_module_names:
            return
        self._seen.add(name)
        if name.partition(".")[0] == "toolyard":
            self.parts.update(part for part in PARTS if name == f"toolyard.{part}")
            return
        file = self._find(name)
        if file is None:
            return
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except SyntaxError:
            # The build says so, with the place.
            return
        for imported, is_late in _imports(tree, package, late=False):
            if is_late:
                self.late.add(imported)
            # `import a.b` runs `a`, too.
            steps = imported.split(".")
            for end in range(1, len(steps) + 1):
                self.module(".".join(steps[:end]))

    def _find(self, name: str) -> Path | None:
        for root in self.roots:
            path = root.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_suffix(".py")):
                if file.is_file():
                    return file
        return None


def _imports(node: ast.AST, package: str, late: bool) -> list[tuple[str, bool]]:
    """What is imported below `node`, and whether only when a function runs. `from a import b` may mean a module `a.b`, too."""
    found: list[tuple[str, bool]] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [(alias.name, late) for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                above = package.split(".")[: len(package.split(".")) - child.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            found.append((base, late))
            found += [(f"{base}.{alias.name}", False) for alias in child.names if alias.name != "*"]
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            found += _imports(child, package, late or is_function)
    return [(name, is_late) for name, is_late in found if name]
