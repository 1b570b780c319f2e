"""Drives the Python client `mcp` 2.x: python mcp2.py URL MODE CALLS

MODE is `2026-07-28` (pinned), `auto` (discovers, then falls back) or `legacy`. CALLS is a JSON array of
`{name, arguments}`. Prints one JSON object a line: what a user of the client sees.
"""

import asyncio
import json
import sys

from mcp import Client


def say(**seen):
    print(json.dumps(seen), flush=True)


async def drive(url, mode, calls):
    async with Client(url, mode=mode) as client:
        server = client.server_info
        era = "modern" if client.protocol_version >= "2026-07-28" else "legacy"
        say(connected={"era": era, "version": client.protocol_version, "server": server.name if server else None})
        say(tools=[tool.name for tool in (await client.list_tools()).tools])
        for call in calls:
            await run(client, call)
    say(closed=True)


async def run(client, call):
    progress = []

    async def note(done, total, message):
        progress.append(done)

    result = await client.call_tool(call["name"], call.get("arguments"), progress_callback=note)
    say(
        called=call["name"],
        isError=bool(result.is_error),
        structured=result.structured_content,
        content=[block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content],
        progress=progress,
    )


asyncio.run(drive(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
