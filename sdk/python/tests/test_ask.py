"""Asking in the middle of a call, over rounds."""

import json
import unittest
from dataclasses import dataclass
from typing import Any, Literal

from toolyard import (
    PLUGIN,
    Confirm,
    Context,
    Form,
    Internal,
    ModelPreferences,
    Root,
    Roots,
    Sampling,
    SamplingTool,
    Text,
    ToolError,
    ToolUse,
    Url,
    testing,
    tool,
)
from toolyard.ask import Rounds
from toolyard.errors import NeedInput


@dataclass
class Address:
    street: str
    kind: Literal["home", "work"] = "home"
    note: str | None = None


worked: list[str] = []


@tool
def deliver(context: Context) -> str:
    day = context.once("day", lambda: worked.append("day") or "Monday")
    to = context.ask("address", Form("Where to?", Address)).get()
    sure = context.ask("sure", Confirm("Sure?"))
    return f"{day} {to.street} {to.kind} {sure.action}"


@tool
def several(context: Context) -> str:
    found = context.ask_all({"haiku": Sampling("Write one."), "roots": Roots(), "page": Url("Sign in.", "https://example.com/")})
    return f"{found['haiku'].text} {found['roots'][0].uri} {found['page'].accepted}"


@tool
def hoards(context: Context) -> str:
    context.remember("much", "x" * 20_000)
    return context.ask("sure", Confirm("Sure?")).action


@tool
def nested(context: Context) -> str:
    return context.ask("odd", Form("Odd?", Odd)).action


@dataclass
class Odd:
    inside: Address


@tool
def picky(context: Context) -> str:
    context.require("sampling", "roots")
    return "can"


def tearDownModule():
    # What is written down is the process's; the other tests have a plugin of their own.
    PLUGIN.tools.clear()


class AskTest(unittest.TestCase):
    def test_a_function_is_run_again_with_the_answers(self):
        asked: list[Any] = []

        def answer(key: str, kind: str, said: Any) -> Any:
            asked.append((key, kind))
            # An answer that does not fit is asked for again.
            if key == "address":
                return testing.accept({"street": 1} if len(asked) == 1 else {"street": "Elm"})
            return testing.decline()

        worked.clear()
        with testing.Grants() as told:
            result = testing.converse("deliver", {}, answer)
        self.assertEqual(result.content, [Text("Monday Elm home decline")])
        self.assertEqual(asked, [("address", "form"), ("address", "form"), ("sure", "form")])
        self.assertEqual(worked, ["day"])
        self.assertIn("does not fit", told.logs[0][2])

    def test_a_form_is_a_small_schema(self):
        with self.assertRaises(NeedInput) as caught:
            testing.call("deliver")
        message, schema = caught.exception.requests[0][1][1]
        expected = {
            "type": "object",
            "properties": {
                "street": {"type": "string"},
                "kind": {"type": "string", "enum": ["home", "work"], "default": "home"},
                "note": {"type": "string"},
            },
            "required": ["street"],
        }
        self.assertEqual((message, json.loads(schema)), ("Where to?", expected))
        with self.assertRaisesRegex(Internal, "`inside` does not fit into a form"):
            testing.call("nested")

    def test_what_was_declined_ends_the_call(self):
        with self.assertRaisesRegex(ToolError, "the user declined to answer"):
            testing.converse("deliver", {}, lambda *_: testing.decline())
        with self.assertRaisesRegex(ToolError, "the user cancelled the question"):
            testing.converse("deliver", {}, lambda *_: testing.cancel())

    def test_several_questions_go_out_together(self):
        rounds: list[str] = []

        def answer(key: str, kind: str, said: Any) -> Any:
            rounds.append(kind)
            return {"sampling": testing.sampled("Haiku."), "roots": testing.roots("file:///a"), "url": testing.accept()}[kind]

        result = testing.converse("several", {}, answer)
        self.assertEqual(result.content, [Text("Haiku. file:///a True")])
        self.assertEqual(rounds, ["sampling", "roots", "url"])

    def test_what_is_kept_is_bounded(self):
        with self.assertRaisesRegex(Internal, "16384 can be kept"):
            testing.call("hoards")

    def test_a_client_that_cannot_be_asked(self):
        self.assertEqual(testing.call("picky").content, [Text("can")])
        with self.assertRaises(NeedInput) as caught:
            testing.call("picky", context=testing.context(client=testing.Client(capabilities=frozenset({"roots"}))))
        self.assertEqual([kind for _, (kind, _) in caught.exception.requests], ["sampling"])

    def test_a_state_that_cannot_be_read_is_none(self):
        self.assertEqual(Rounds.resumed({}, b"\x01junk"), Rounds())


class SamplingTest(unittest.TestCase):
    def test_a_request_is_what_the_protocol_says(self):
        tools = [SamplingTool("find", "Finds.", Address), SamplingTool("plain", "Plain.")]
        asked = Sampling("Hi.", 10, "Be kind.", 0.5, ["."], ModelPreferences(["claude"], cost=0.5), tools, "auto")
        said = json.loads(asked.request()[1])
        self.assertEqual(said["messages"], [{"role": "user", "content": {"type": "text", "text": "Hi."}}])
        self.assertEqual(said["modelPreferences"], {"hints": [{"name": "claude"}], "costPriority": 0.5})
        self.assertEqual((said["maxTokens"], said["systemPrompt"], said["toolChoice"]), (10, "Be kind.", {"mode": "auto"}))
        self.assertEqual([tool["inputSchema"]["type"] for tool in said["tools"]], ["object", "object"])

    def test_a_model_may_want_a_tool(self):
        wanted = {"type": "tool_use", "id": "1", "name": "find", "input": {"a": 1}}
        answer = Sampling("Hi.").read({"role": "assistant", "content": [{"type": "text", "text": "Wait."}, wanted], "model": "m"})
        self.assertEqual((answer.text, answer.tool_uses), ("Wait.", [ToolUse("1", "find", {"a": 1})]))
        more = json.loads(Sampling("Hi.").continued(answer, [answer.tool_uses[0].result("found")]).request()[1])
        self.assertEqual([message["role"] for message in more["messages"]], ["user", "assistant", "user"])
        self.assertEqual(more["messages"][1]["content"][1], wanted)
        self.assertEqual(more["messages"][2]["content"]["toolUseId"], "1")

    def test_roots(self):
        self.assertEqual(Roots().read({"roots": [{"uri": "file:///a", "name": "A"}]}), [Root("file:///a", "A")])
