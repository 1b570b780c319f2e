"""Docstrings in Google's style: a description, and a section that describes the arguments or attributes."""

import inspect
import re

_SECTION = re.compile(r"(Args|Arguments|Attributes|Parameters|Returns|Return|Raises|Yields|Examples?|Notes?|See Also):\s*$")
_DESCRIBING = ("Args", "Arguments", "Attributes", "Parameters")
_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def parse(doc: str | None) -> tuple[str | None, dict[str, str]]:
    """The description, and what is said of each name. Sections such as `Returns:` are for people who read the source."""
    if not doc:
        return None, {}
    description: list[str] = []
    entries: dict[str, str] = {}
    section = None
    name = ""
    depth = 0
    for line in inspect.cleandoc(doc).splitlines():
        indent = len(line) - len(line.lstrip())
        heading = _SECTION.match(line) if indent == 0 else None
        if heading:
            section, name, depth = heading[1], "", 0
        elif indent == 0 and line.strip():
            section = None
            description.append(line)
        elif section is None:
            description.append(line)
        elif section in _DESCRIBING and line.strip():
            depth = depth or indent
            entry = _ENTRY.match(line.strip()) if indent == depth else None
            if entry:
                name = entry[1].lstrip("*")
                entries[name] = entry[2]
            elif name:
                entries[name] = f"{entries[name]} {line.strip()}".strip()
    return "\n".join(description).strip() or None, entries


def of_class(cls: type) -> tuple[str | None, dict[str, str]]:
    """The same for a class's own docstring, not one that it inherits or that was made for it."""
    doc = cls.__dict__.get("__doc__")
    if doc and doc.startswith(f"{cls.__name__}("):
        doc = None
    return parse(doc)
