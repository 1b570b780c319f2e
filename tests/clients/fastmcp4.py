"""Drives FastMCP's client: python fastmcp4.py URL MODE WORK

MODE is `2026-07-28` (pinned), `auto` (discovers, then falls back) or `legacy`. WORK is a JSON object that says what to do.
Prints one JSON object a line: what a user of the client sees.
"""

import asyncio
import json
import sys
import warnings

import anyio
from fastmcp import Client
from fastmcp.client.messages import MessageHandler
from mcp.types import PromptReference


def say(**seen):
    print(json.dumps(seen), flush=True)


class Listener(MessageHandler):
    def __init__(self):
        self.heard = asyncio.Queue()

    async def on_tool_list_changed(self, message):
        self.heard.put_nowait(message.method)

    async def on_resource_updated(self, message):
        self.heard.put_nowait(message.method)


class Driver:
    def __init__(self, work):
        self.work = work
        self.listener = Listener()

    async def answer(self, message, response_type, params, context):
        return self.work["elicit"]["answer"]

    async def drive(self, url, mode):
        async with Client(url, mode=mode, elicitation_handler=self.answer, message_handler=self.listener) as client:
            self.client = client
            version = client.session.protocol_version
            server = client.session.server_info
            era = "modern" if version >= "2026-07-28" else "legacy"
            say(connected={"era": era, "version": version, "server": server.name if server else None})
            say(tools=[tool.name for tool in await client.list_tools()])
            for call in self.work["calls"]:
                await self.run(call)
            for feature in self.work["features"]:
                say(did=feature, seen=await getattr(self, feature)())
        say(closed=True)

    async def run(self, call):
        progress = []

        async def note(done, total, message):
            progress.append(done)

        result = await self.client.call_tool(call["name"], call.get("arguments"), progress_handler=note)
        say(
            called=call["name"],
            isError=bool(result.is_error),
            structured=result.structured_content,
            content=[block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content],
            progress=progress,
        )

    async def text_of(self, call, **options):
        return (await self.client.call_tool(call["name"], call.get("arguments"), **options)).content[0].text

    async def list(self):
        return {
            "prompts": [prompt.name for prompt in await self.client.list_prompts()],
            "resources": [str(resource.uri) for resource in await self.client.list_resources()],
            "templates": [template.uri_template for template in await self.client.list_resource_templates()],
        }

    async def call(self):
        return await self.text_of(self.work["call"])

    async def read(self):
        seen = []
        for uri in self.work["read"]:
            contents = (await self.client.read_resource(uri))[0]
            seen.append(getattr(contents, "text", None) or contents.blob)
        return seen

    async def prompt(self):
        prompt = self.work["prompt"]
        return (await self.client.get_prompt(prompt["name"], prompt["arguments"])).messages[0].content.text

    async def complete(self):
        asked = self.work["complete"]
        ref = PromptReference(name=asked["prompt"])
        return (await self.client.complete(ref, {"name": asked["argument"], "value": asked["value"]})).values

    async def elicit(self):
        return await self.text_of(self.work["elicit"]["call"])

    async def progress(self):
        seen = []

        async def note(done, total, message):
            seen.append(done)

        await self.text_of(self.work["progress"], progress_handler=note)
        return seen

    async def cancel(self):
        with anyio.CancelScope() as scope:
            # As soon as the tool says that it runs.
            async def stop(done, total, message):
                scope.cancel()

            await self.text_of(self.work["cancel"]["slow"], progress_handler=stop)
        # There is room for one call only: this is answered when the other has left.
        await self.text_of(self.work["cancel"]["fast"])
        return "cancelled" if scope.cancelled_caught else "answered"

    async def subscribe(self):
        asked = self.work["subscribe"]
        # What the legacy era has, the client calls deprecated.
        warnings.simplefilter("ignore")
        await self.client.session.subscribe_resource(asked["uri"])
        for tool in asked["tools"]:
            await self.text_of({"name": tool})
        heard = [await self.listener.heard.get() for _ in asked["tools"]]
        await self.client.session.unsubscribe_resource(asked["uri"])
        return sorted(heard)


asyncio.run(Driver(json.loads(sys.argv[3])).drive(sys.argv[1], sys.argv[2]))
