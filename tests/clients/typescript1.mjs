// Drives `@modelcontextprotocol/sdk` 1.x, which knows only the legacy era: node typescript1.mjs URL MODE WORK
//
// MODE is ignored: the client negotiates. WORK is a JSON object that says what to do. Prints one JSON object a line.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { drive, say } from './work.mjs';

const [url, , text] = process.argv.slice(2);
const work = JSON.parse(text);

const raw = new Client({ name: 'toolyard-tests', version: '1.0.0' }, { capabilities: { elicitation: {} } });
raw.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: work.elicit.answer }));
const transport = new StreamableHTTPClientTransport(new URL(url));
await raw.connect(transport);
say({ connected: { era: 'legacy', version: transport.protocolVersion, server: raw.getServerVersion()?.name } });

await drive(work, {
  raw,
  listTools: async () => (await raw.listTools()).tools,
  callTool: (call, options) => raw.callTool(call, undefined, options),
  async subscribe(uri, hear) {
    raw.setNotificationHandler(ToolListChangedNotificationSchema, () => hear('notifications/tools/list_changed'));
    raw.setNotificationHandler(ResourceUpdatedNotificationSchema, () => hear('notifications/resources/updated'));
    await raw.subscribeResource({ uri });
    return () => raw.unsubscribeResource({ uri });
  },
});
await transport.terminateSession();
await raw.close();
say({ closed: true });
