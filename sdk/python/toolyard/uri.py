"""URIs held against a template (RFC 6570, as far as it can be read backwards)."""

import re
import urllib.parse

_VARIABLE = re.compile(r"\{([+?]?)([\w,]+)\}")


class Template:
    """`{name}` is a piece up to a `/`, `?` or `#`; `{+name}` is anything; `{?one,two}`, at the end, may be left out."""

    def __init__(self, text: str):
        self.text = text
        self.beginning = text.partition("{")[0]
        self.names: list[str] = []
        self._query: list[str] = []
        pattern = ""
        end = 0
        for variable in _VARIABLE.finditer(text):
            kind, name = variable.groups()
            pattern += re.escape(text[end : variable.start()])
            end = variable.end()
            if kind == "?":
                if end != len(text):
                    raise ValueError(f"`{text}`: what begins with `{{?` stands at the end")
                self._query = name.split(",")
                self.names += self._query
                pattern += r"(?:\?(.*))?"
            elif not name.isidentifier():
                raise ValueError(f"`{text}`: `{name}` is no name")
            else:
                self.names.append(name)
                pattern += "(.+?)" if kind == "+" else "([^/?#]+?)"
        rest = text[end:]
        if "{" in rest or "}" in rest or not self.beginning:
            raise ValueError(f"`{text}` is no URI template such as `orders://{{id}}`")
        self._pattern = re.compile(pattern + re.escape(rest))

    def match(self, uri: str) -> dict[str, str] | None:
        """The values of the variables, decoded, where the URI fits."""
        found = self._pattern.fullmatch(uri)
        if not found:
            return None
        values = list(found.groups())
        query = values.pop() if self._query else None
        pairs = list(zip(self.names, values))
        for pair in (query or "").split("&") if query else []:
            name, _, value = pair.partition("=")
            if name in self._query:
                pairs.append((name, value))
        try:
            return {name: decoded(value) for name, value in pairs}
        except ValueError:
            return None


def decoded(text: str) -> str:
    """Percent-encoding undone, strictly (RFC 3986, section 2.1)."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError("a percent sign stands alone")
    return urllib.parse.unquote(text, errors="strict")


def encoded(text: str) -> str:
    """Text as one piece of a URI."""
    return urllib.parse.quote(text, safe="")
