"""Asking the client's model."""

import base64
from dataclasses import dataclass, field
from typing import Any, Literal

from . import schema, values
from .ask import Question
from .content import Audio, Content, Image, Role, Text

# What an answer may be long when nobody says: a page or so.
MAX_TOKENS = 1_000


@dataclass
class ToolUse:
    """A tool that the model wants to be called."""

    id: str
    name: str
    input: dict[str, Any]

    def result(self, *content: Content | str, is_error: bool = False) -> "ToolOutcome":
        return ToolOutcome(self.id, list(content), is_error)


@dataclass
class ToolOutcome:
    """What came of a tool that the model wanted."""

    tool_use_id: str
    content: list[Content | str]
    is_error: bool = False


Piece = Content | ToolUse | ToolOutcome | str


@dataclass
class SamplingMessage:
    """One message of a conversation with the model."""

    content: Piece | list[Piece]
    role: Role = "user"


@dataclass
class SamplingTool:
    """A tool for the model to choose. `arguments` is a dataclass or TypedDict, or a JSON Schema."""

    name: str
    description: str
    arguments: type | dict[str, Any] = field(default_factory=dict)


@dataclass
class ModelPreferences:
    """Which kind of model would be best. Priorities are from 0 to 1."""

    hints: list[str] = field(default_factory=list)
    cost: float | None = None
    speed: float | None = None
    intelligence: float | None = None


@dataclass
class Sampled:
    """What the model said."""

    role: Role
    content: list[Content | ToolUse]
    model: str
    stop_reason: str | None

    @property
    def text(self) -> str:
        return "\n".join(piece.text for piece in self.content if isinstance(piece, Text))

    @property
    def tool_uses(self) -> list[ToolUse]:
        return [piece for piece in self.content if isinstance(piece, ToolUse)]


@dataclass
class Sampling(Question[Sampled]):
    """A request to the client's model: a prompt, or a conversation. What comes of it is up to the client and its user."""

    prompt: str | Content | list[SamplingMessage]
    max_tokens: int = MAX_TOKENS
    system_prompt: str | None = None
    temperature: float | None = None
    stop_sequences: list[str] = field(default_factory=list)
    preferences: ModelPreferences | None = None
    tools: list[SamplingTool] = field(default_factory=list)
    tool_choice: Literal["auto", "required", "none"] | None = None
    metadata: dict[str, Any] | None = None

    def continued(self, answer: Sampled, results: list[ToolOutcome]) -> "Sampling":
        """The same with what the model answered, and what came of the tools that it wanted, for it to go on."""
        more = [SamplingMessage(list(answer.content), answer.role)]
        if results:
            more.append(SamplingMessage(list(results)))
        return Sampling(**{**self.__dict__, "prompt": [*self._messages(), *more]})

    def request(self) -> tuple[str, Any]:
        said = {
            "messages": [{"role": one.role, "content": _pieces(one.content)} for one in self._messages()],
            "maxTokens": self.max_tokens,
            "systemPrompt": self.system_prompt,
            "temperature": self.temperature,
            "stopSequences": self.stop_sequences or None,
            "modelPreferences": self.preferences and _preferences(self.preferences),
            "tools": [_tool(tool) for tool in self.tools] or None,
            "toolChoice": self.tool_choice and {"mode": self.tool_choice},
            "metadata": self.metadata,
        }
        return "sampling", values.json_text({key: value for key, value in said.items() if value is not None})

    def read(self, response: dict[str, Any]) -> Sampled:
        role = response["role"]
        if role not in ("user", "assistant"):
            raise ValueError(f"nobody has the role `{role}`")
        content = response["content"]
        pieces = [_read_piece(piece) for piece in (content if isinstance(content, list) else [content])]
        return Sampled(role, pieces, response["model"], response.get("stopReason"))

    def _messages(self) -> list[SamplingMessage]:
        return self.prompt if isinstance(self.prompt, list) else [SamplingMessage(self.prompt)]


def _pieces(content: Piece | list[Piece]) -> Any:
    """One piece stands alone, as revisions before 2025-11-25 have it."""
    pieces = [_piece(piece) for piece in (content if isinstance(content, list) else [content])]
    return pieces[0] if len(pieces) == 1 else pieces


def _piece(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    if isinstance(piece, Text):
        return {"type": "text", "text": piece.text}
    if isinstance(piece, (Image, Audio)):
        kind = "image" if isinstance(piece, Image) else "audio"
        return {"type": kind, "data": base64.b64encode(piece.data).decode(), "mimeType": piece.mime_type}
    if isinstance(piece, ToolUse):
        return {"type": "tool_use", "id": piece.id, "name": piece.name, "input": piece.input}
    if isinstance(piece, ToolOutcome):
        said = {"type": "tool_result", "toolUseId": piece.tool_use_id, "content": [_piece(one) for one in piece.content]}
        return {**said, "isError": True} if piece.is_error else said
    raise TypeError(f"a model is told text, images, sounds and what came of tools, and no `{type(piece).__name__}`")


def _read_piece(piece: dict[str, Any]) -> Content | ToolUse:
    kind = piece["type"]
    if kind == "text":
        return Text(piece["text"])
    if kind in ("image", "audio"):
        data = base64.b64decode(piece["data"], validate=True)
        return (Image if kind == "image" else Audio)(data, piece["mimeType"])
    if kind == "tool_use":
        return ToolUse(piece["id"], piece["name"], piece["input"])
    raise ValueError(f"a model does not say `{kind}`")


def _preferences(preferences: ModelPreferences) -> dict[str, Any]:
    said = {
        "hints": [{"name": name} for name in preferences.hints] or None,
        "costPriority": preferences.cost,
        "speedPriority": preferences.speed,
        "intelligencePriority": preferences.intelligence,
    }
    return {key: value for key, value in said.items() if value is not None}


def _tool(tool: SamplingTool) -> dict[str, Any]:
    if isinstance(tool.arguments, dict):
        arguments = {"type": "object", **tool.arguments}
    else:
        arguments = schema.of_result(tool.arguments)
    return {"name": tool.name, "description": tool.description, "inputSchema": arguments}
