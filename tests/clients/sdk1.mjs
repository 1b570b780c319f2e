// Drives `@modelcontextprotocol/sdk` 1.x, which knows only the legacy era: node sdk1.mjs URL MODE CALLS
//
// MODE is ignored: the client negotiates. CALLS is a JSON array of `{name, arguments}`. Prints one JSON object a line.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { say } from './say.mjs';

const [url, , calls] = process.argv.slice(2);

const client = new Client({ name: 'toolyard-tests', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(url));
await client.connect(transport);
say({ connected: { era: 'legacy', version: transport.protocolVersion, server: client.getServerVersion()?.name } });
say({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
for (const call of JSON.parse(calls)) {
  const progress = [];
  const result = await client.callTool(call, undefined, { onprogress: (report) => progress.push(report.progress) });
  say({ called: call.name, isError: result.isError ?? false, structured: result.structuredContent, content: result.content, progress });
}
await transport.terminateSession();
await client.close();
say({ closed: true });
