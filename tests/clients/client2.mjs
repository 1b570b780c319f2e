// Drives `@modelcontextprotocol/client` 2.x: node client2.mjs URL MODE CALLS
//
// MODE is `modern` (2026-07-28 pinned), `auto` (discovers, then falls back), or a legacy revision such as `2025-06-18`.
// CALLS is a JSON array of `{name, arguments}`. Prints one JSON object a line: what a user of the client sees.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { say } from './say.mjs';

const [url, mode, calls] = process.argv.slice(2);

function negotiation() {
  if (mode === 'modern') return { versionNegotiation: { mode: { pin: '2026-07-28' } } };
  if (mode === 'auto') return { versionNegotiation: { mode: 'auto' } };
  return { supportedProtocolVersions: [mode] };
}

const client = new Client({ name: 'toolyard-tests', version: '1.0.0' }, negotiation());
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
say({
  connected: {
    era: client.getProtocolEra(),
    version: client.getNegotiatedProtocolVersion(),
    server: client.getServerVersion()?.name,
  },
});
say({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
for (const call of JSON.parse(calls)) {
  const progress = [];
  const result = await client.callTool(call, { onprogress: (report) => progress.push(report.progress) });
  say({ called: call.name, isError: result.isError ?? false, structured: result.structuredContent, content: result.content, progress });
}
await client.close();
say({ closed: true });
