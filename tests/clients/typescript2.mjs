// Drives `@modelcontextprotocol/client` 2.x: node typescript2.mjs URL MODE WORK
//
// MODE is `modern` (2026-07-28 pinned), `auto` (discovers, then falls back), or a legacy revision such as `2025-06-18`.
// WORK is a JSON object that says what to do. Prints one JSON object a line: what a user of the client sees.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { drive, say } from './work.mjs';

const [url, mode, text] = process.argv.slice(2);
const work = JSON.parse(text);

function negotiation() {
  if (mode === 'modern') return { versionNegotiation: { mode: { pin: '2026-07-28' } } };
  if (mode === 'auto') return { versionNegotiation: { mode: 'auto' } };
  return { supportedProtocolVersions: [mode] };
}

const raw = new Client({ name: 'toolyard-tests', version: '1.0.0' }, { capabilities: { elicitation: {} }, ...negotiation() });
raw.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: work.elicit.answer }));
const transport = new StreamableHTTPClientTransport(new URL(url));
await raw.connect(transport);
const era = raw.getProtocolEra();
say({ connected: { era, version: raw.getNegotiatedProtocolVersion(), server: raw.getServerVersion()?.name } });

await drive(work, {
  raw,
  listTools: async () => (await raw.listTools()).tools,
  callTool: (call, options) => raw.callTool(call, options),
  async subscribe(uri, hear) {
    for (const method of ['notifications/tools/list_changed', 'notifications/resources/updated']) {
      raw.setNotificationHandler(method, () => hear(method));
    }
    if (era === 'modern') {
      const subscription = await raw.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
      return () => subscription.close();
    }
    await raw.subscribeResource({ uri });
    return () => raw.unsubscribeResource({ uri });
  },
});
if (era === 'legacy') await transport.terminateSession();
await raw.close();
say({ closed: true });
