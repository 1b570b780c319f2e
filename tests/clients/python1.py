"""Drives the Python client `mcp` 1.x, which knows only the legacy era: python python1.py URL MODE WORK

MODE is ignored: the client negotiates. WORK is a JSON object that says what to do. Prints one JSON object a line: what a user of
the client sees.
"""

import asyncio
import json
import sys

from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client


def say(**seen):
    print(json.dumps(seen), flush=True)


class Driver:
    def __init__(self, work):
        self.work = work
        self.heard = asyncio.Queue()

    async def answer(self, _context, _params):
        return types.ElicitResult(action="accept", content=self.work["elicit"]["answer"])

    async def hear(self, message):
        if isinstance(message, types.ServerNotification):
            method = message.root.method
            if method in ("notifications/tools/list_changed", "notifications/resources/updated"):
                self.heard.put_nowait(method)

    async def drive(self, url):
        async with streamable_http_client(url) as (read, write, _):
            async with ClientSession(
                read, write, elicitation_callback=self.answer, message_handler=self.hear
            ) as client:
                self.client = client
                said = await client.initialize()
                say(connected={"era": "legacy", "version": said.protocolVersion, "server": said.serverInfo.name})
                say(tools=[tool.name for tool in (await client.list_tools()).tools])
                for call in self.work["calls"]:
                    await self.run(call)
                for feature in self.work["features"]:
                    say(did=feature, seen=await getattr(self, feature)())
        say(closed=True)

    async def run(self, call):
        progress = []

        async def note(done, total, message):
            progress.append(done)

        result = await self.client.call_tool(call["name"], call.get("arguments"), progress_callback=note)
        say(
            called=call["name"],
            isError=bool(result.isError),
            structured=result.structuredContent,
            content=[block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content],
            progress=progress,
        )

    async def text_of(self, call, **options):
        return (await self.client.call_tool(call["name"], call.get("arguments"), **options)).content[0].text

    async def list(self):
        return {
            "prompts": [prompt.name for prompt in (await self.client.list_prompts()).prompts],
            "resources": [str(resource.uri) for resource in (await self.client.list_resources()).resources],
            "templates": [
                template.uriTemplate for template in (await self.client.list_resource_templates()).resourceTemplates
            ],
        }

    async def call(self):
        return await self.text_of(self.work["call"])

    async def read(self):
        seen = []
        for uri in self.work["read"]:
            contents = (await self.client.read_resource(uri)).contents[0]
            seen.append(getattr(contents, "text", None) or contents.blob)
        return seen

    async def prompt(self):
        prompt = self.work["prompt"]
        return (await self.client.get_prompt(prompt["name"], prompt["arguments"])).messages[0].content.text

    async def complete(self):
        asked = self.work["complete"]
        ref = types.PromptReference(type="ref/prompt", name=asked["prompt"])
        result = await self.client.complete(ref, {"name": asked["argument"], "value": asked["value"]})
        return result.completion.values

    async def elicit(self):
        return await self.text_of(self.work["elicit"]["call"])

    async def progress(self):
        seen = []

        async def note(done, total, message):
            seen.append(done)

        await self.text_of(self.work["progress"], progress_callback=note)
        return seen

    async def subscribe(self):
        asked = self.work["subscribe"]
        await self.client.subscribe_resource(asked["uri"])
        for tool in asked["tools"]:
            await self.text_of({"name": tool})
        heard = [await self.heard.get() for _ in asked["tools"]]
        await self.client.unsubscribe_resource(asked["uri"])
        return sorted(heard)


asyncio.run(Driver(json.loads(sys.argv[3])).drive(sys.argv[1]))
