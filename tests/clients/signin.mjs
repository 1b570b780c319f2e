// Signs in with `@modelcontextprotocol/client` and works with what it got: node signin.mjs URL MODE
//
// MODE is `person` (authorization code, with a browser that agrees to everything), `person-dpop` (the same, with tokens bound to a
// key) or `machine` (client credentials). Prints one JSON object a line: what happened on the way to the endpoint, and what a user sees.
import {
  Client,
  ClientCredentialsProvider,
  DpopSession,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';

const [url, mode] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const CALLBACK = 'http://127.0.0.1:9/callback';

// A browser as far as it matters: it follows redirects, keeps cookies, and stops where the client listens.
async function browse(start) {
  const cookies = new Map();
  let next = new URL(start);
  while (!next.href.startsWith(CALLBACK)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(next, { redirect: 'manual', headers: { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [name, value] = set.split(';')[0].split('=');
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`${next} leads nowhere: ${response.status} ${await response.text()}`);
    next = new URL(location, next);
  }
  return next.searchParams;
}

class Person {
  redirectUrl = CALLBACK;
  clientMetadata = {
    client_name: 'toolyard-tests',
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  clientInformation() { return this.information; }
  saveClientInformation(information) { this.information = information; }
  tokens() { return this.saved; }
  saveTokens(tokens) {
    say({ granted: tokens.scope, type: tokens.token_type });
    this.saved = tokens;
  }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  codeVerifier() { return this.verifier; }
  async redirectToAuthorization(address) {
    say({ asks: address.searchParams.get('scope'), resource: address.searchParams.get('resource') });
    this.callback = await browse(address);
  }
}

class PersonWithKey extends Person {
  async dpop() {
    this.session ??= await DpopSession.create();
    return this.session;
  }
}

const machine = () => new ClientCredentialsProvider({ clientId: 'machine', clientSecret: 'machine-secret', scope: 'read write' });
const provider = { person: () => new Person(), 'person-dpop': () => new PersonWithKey(), machine }[mode]();

let last;
async function watched(input, init) {
  const response = await fetch(input, init);
  if (String(input) === url) {
    const challenge = response.headers.get('www-authenticate');
    say({ status: response.status, challenge });
    if (response.status === 200) last = init;
  }
  return response;
}

let client;
let transport;
async function connect() {
  client = new Client({ name: 'toolyard-tests', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: watched });
  await client.connect(transport);
}

// Does it; if that takes another token, gets one as a program would, and does it again.
async function signedIn(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || !provider.callback) throw error;
      await transport.finishAuth(provider.callback);
      provider.callback = undefined;
    }
  }
}

await signedIn(connect);
say({ tools: (await client.listTools()).tools.map((tool) => tool.name) });
const sum = await signedIn(() => client.callTool({ name: 'echo_add', arguments: { a: 20, b: 22 } }));
say({ sum: sum.structuredContent.sum });
const context = await client.callTool({ name: 'echo_context', arguments: {} });
say({ context: context.structuredContent });

// What an attacker would do who has seen a request, or has got at the token.
async function again(name, change) {
  const headers = new Headers(last.headers);
  await change(headers);
  const response = await fetch(url, { method: last.method, headers, body: last.body });
  say({ again: name, status: response.status, challenge: response.headers.get('www-authenticate') });
  await response.text();
}

if (mode === 'person-dpop') {
  const token = provider.saved.access_token;
  const proof = (session, more) => session.buildProof({ htm: 'POST', htu: url, accessToken: token, ...more });
  await again('replayed', () => {});
  await again('without a proof', (headers) => headers.delete('dpop'));
  await again('as a bearer', (headers) => headers.set('authorization', `Bearer ${token}`));
  await again('with another key', async (headers) => headers.set('dpop', await proof(await DpopSession.create())));
  await again('for another method', async (headers) => headers.set('dpop', await proof(provider.session, { htm: 'GET' })));
  await again('for another place', async (headers) => headers.set('dpop', await proof(provider.session, { htu: `${url}/x` })));
  await again('for another token', async (headers) => headers.set('dpop', await proof(provider.session, { accessToken: 'x' })));
  await again('two proofs', async (headers) => headers.append('dpop', await proof(provider.session)));
  await again('anew', async (headers) => headers.set('dpop', await proof(provider.session)));
}
await client.close();
say({ closed: true });
