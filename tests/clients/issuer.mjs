// An identity provider: `oidc-provider` with everybody signed in as `alice` and agreeing to everything. node issuer.mjs SETTINGS
//
// SETTINGS is a JSON object: `scopes` that there are. Prints `{"issuer": URL}` when it serves. Each line on standard input is a
// command, and is answered by a line: `{"rotate": true}` replaces all signing keys; `{"sign": CLAIMS, "header": HEADER}` signs what
// no provider would say, with the key in use.
import http from 'node:http';
import readline from 'node:readline';
import { SignJWT, exportJWK, generateKeyPair, importJWK } from 'jose';
import Provider from 'oidc-provider';

const settings = JSON.parse(process.argv[2] ?? '{}');
const scopes = settings.scopes ?? ['read', 'write'];
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let handle;
let keys;
const server = http.createServer((request, response) => handle(request, response));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

async function freshKeys() {
  const fresh = [];
  for (const alg of ['RS256', 'ES256']) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `${alg}-${Math.random().toString(36).slice(2)}`;
    fresh.push({ ...(await exportJWK(privateKey)), alg, use: 'sig', kid });
  }
  return fresh;
}

// A provider has its keys for life; what it remembers of clients and grants is the process's.
async function begin() {
  keys = await freshKeys();
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'machine',
        client_secret: 'machine-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, audience) => ({
          audience,
          scope: scopes.join(' '),
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (context, token) => ({ groups: [token.accountId ? 'people' : 'programs'] }),
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (context, interaction) => `/sign-in/${interaction.uid}` },
    cookies: { keys: ['a key of this test'] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, ClientCredentials: 600 },
  });
  const answer = provider.callback();
  handle = (request, response) => {
    if (!request.url.startsWith('/sign-in/')) return answer(request, response);
    return signIn(provider, request, response).catch((error) => {
      response.statusCode = 500;
      response.end(String(error.stack));
    });
  };
}

async function signIn(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  for (const [resource, missing] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, missing.join(' '));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

async function sign({ sign: claims, header }) {
  const key = keys.find((key) => key.alg === 'RS256');
  const signing = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'at+jwt', ...header });
  return signing.sign(await importJWK(key, 'RS256'));
}

await begin();
say({ issuer });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.rotate) {
    await begin();
    say({ rotated: true });
  } else {
    say({ token: await sign(command) });
  }
}
process.exit(0);
