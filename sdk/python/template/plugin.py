"""The tools of {{name}}: each function with `@tool` is one, its docstring is what models read."""

from typing import Annotated

from toolyard import Arg, tool


@tool(read_only=True)
def greet(name: Annotated[str, Arg("Whom to greet.", min_length=1)]) -> str:
    """Greets somebody."""
    return f"Hello, {name}!"
