"""The tools of {{name}}: each function with `@tool` is one, its docstring is what models read."""

import logging
from typing import Annotated

from toolyard import Arg, tool

log = logging.getLogger(__name__)


@tool(read_only=True, idempotent=True, open_world=False)
def greet(
    name: Annotated[str, Arg("Whom to greet.", min_length=1)],
    times: Annotated[int, Arg("How many times.", ge=1, le=10)] = 1,
) -> str:
    """Greets somebody."""
    log.info("greeting %s", name)
    return " ".join([f"Hello, {name}!"] * times)
