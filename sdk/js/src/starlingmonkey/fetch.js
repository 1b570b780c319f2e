// The engine's `fetch`, which follows no redirects and says of whatever goes wrong that there was an error.

import { FetchError } from '../fetch-error.js';
import { follow } from '../redirect.js';

const send = globalThis.fetch;

export async function fetch(input, init = {}) {
  const given = input instanceof Request ? input : { url: new URL(String(input)).href };
  const first = {
    url: given.url,
    method: (init.method ?? given.method ?? 'GET').toUpperCase(),
    headers: init.headers ?? given.headers ?? {},
    body: init.body ?? (given.body ? await given.arrayBuffer() : undefined),
    signal: init.signal ?? given.signal,
    redirect: init.redirect ?? given.redirect ?? 'follow',
  };
  return follow(first, exchange);
}

async function exchange({ url, method, headers, body, signal }) {
  signal?.throwIfAborted();
  try {
    return await send(url, { method, headers, body, signal });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    // The engine does not say which it was.
    throw new FetchError('failed', 'the server cannot be reached', { cause: error });
  }
}
