// `fetch` over `wasi:http`. It reaches what the operator granted in `[[plugin.NAME.grants.http]]`.

import { handle } from 'wasi:http/outgoing-handler@0.2.12';
import { Fields, httpErrorCode, OutgoingBody, OutgoingRequest, RequestOptions } from 'wasi:http/types@0.2.12';
import { DENIED, FetchError } from '../fetch-error.js';
import { follow } from '../redirect.js';
import { Request, Response } from './http.js';
import { dispose, ready } from './io.js';

/** What one write may hold, as `wasi:io` has it. */
const WRITE_BYTES_MAX = 4096;
const READ_BYTES = 65536;
/** How long a server may be silent: less than the host usually gives a call, so that the plugin gets to say what happened. */
const SILENCE_NS_MAX = 20e9;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];

export async function fetch(input, init) {
  return follow(new Request(input, init), exchange);
}

async function exchange(request, redirected) {
  const { signal, body: content } = request;
  signal?.throwIfAborted();
  const outgoing = head(request);
  const body = content && content.length > 0 ? outgoing.body() : undefined;
  const future = attempt(() => handle(outgoing, patience()));
  if (body) await send(body, content, signal);
  const incoming = await response(future, signal);
  const fields = incoming.headers();
  const headers = fields.entries().map(([name, value]) => [name, new TextDecoder().decode(value)]);
  dispose(fields);
  const status = incoming.status();
  return new Response(new Body(incoming, future, signal), { status, headers, url: request.url, redirected });
}

function head({ url, method, headers, body: content }) {
  const { protocol, host, pathname, search } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') throw new FetchError('invalid', `\`${protocol}\` is not asked here: https: and http: are`);
  const fields = new Fields();
  const add = (name, value) => {
    try {
      fields.append(name, new TextEncoder().encode(value));
    } catch (error) {
      const { tag } = error.payload ?? error;
      throw new FetchError('invalid', tag === 'invalid-syntax' ? `the header \`${name}\` is not well formed` : `the header \`${name}\` is not the plugin's to set`);
    }
  };
  for (const [name, value] of headers) add(name, value);
  if (content && content.length > 0) add('content-length', String(content.length));
  const outgoing = new OutgoingRequest(fields);
  outgoing.setMethod(METHODS.includes(method) ? { tag: method.toLowerCase() } : { tag: 'other', val: method });
  outgoing.setScheme({ tag: protocol === 'https:' ? 'HTTPS' : 'HTTP' });
  outgoing.setAuthority(host);
  outgoing.setPathWithQuery(pathname + search);
  return outgoing;
}

function patience() {
  const options = new RequestOptions();
  options.setConnectTimeout(SILENCE_NS_MAX);
  options.setFirstByteTimeout(SILENCE_NS_MAX);
  options.setBetweenBytesTimeout(SILENCE_NS_MAX);
  return options;
}

async function send(body, content, signal) {
  const stream = body.write();
  try {
    for (let at = 0; at < content.length;) {
      const room = Math.min(stream.checkWrite(), WRITE_BYTES_MAX);
      if (room === 0) {
        await ready(stream.subscribe(), signal);
        continue;
      }
      stream.write(content.slice(at, at + room));
      at += room;
    }
    stream.flush();
  } catch (error) {
    // If the server does not want it all, its response says why; if there is none, that is the error.
    if (signal?.aborted) throw error;
  }
  dispose(stream);
  try {
    OutgoingBody.finish(body, undefined);
  } catch {
    // The same.
  }
}

async function response(future, signal) {
  for (;;) {
    const outcome = future.get();
    if (outcome === null || outcome === undefined) {
      await ready(future.subscribe(), signal);
      continue;
    }
    // The future's result, and in it the response or why there is none.
    const inner = outcome.val;
    if (inner?.tag === 'ok') return inner.val;
    throw fetchError(inner?.val);
  }
}

/** The body, piece by piece. What it comes from is let go after it, or when nobody wants it. */
class Body {
  #handles;
  #signal;

  constructor(incoming, future, signal) {
    const body = incoming.consume();
    this.#handles = [body.stream(), body, incoming, future];
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator]() {
    const [stream] = this.#handles;
    try {
      for (;;) {
        const chunk = next(stream);
        if (chunk === undefined) return;
        if (chunk.length > 0) yield chunk;
        else await ready(stream.subscribe(), this.#signal);
      }
    } finally {
      this.cancel();
    }
  }

  cancel() {
    this.#handles.splice(0).forEach(dispose);
  }
}

function next(stream) {
  try {
    return new Uint8Array(stream.read(READ_BYTES));
  } catch (error) {
    const { tag, val } = error.payload ?? error;
    if (tag === 'closed') return undefined;
    throw fetchError((val && httpErrorCode(val)) ?? { tag: 'HTTP-response-incomplete' });
  }
}

function attempt(work) {
  try {
    return work();
  } catch (error) {
    throw fetchError(error.payload ?? error);
  }
}

const SENTENCES = {
  denied: DENIED,
  dns: 'there is no server of that name',
  timeout: 'the server took too long',
  connect: 'the server cannot be reached',
  'too-many': 'too many requests; try again later',
  tls: 'no secure connection to the server can be made',
  'too-large': 'the response is too large',
  incomplete: 'the server\'s response cannot be used: it broke off',
  invalid: 'the request cannot be sent',
};

/** By the codes of `wasi:http`, in lower case. */
const CODES = {
  'http-request-denied': 'denied',
  'destination-ip-prohibited': 'denied',
  'dns-error': 'dns',
  'destination-not-found': 'dns',
  'dns-timeout': 'timeout',
  'connection-timeout': 'timeout',
  'connection-read-timeout': 'timeout',
  'connection-write-timeout': 'timeout',
  'http-response-timeout': 'timeout',
  'destination-unavailable': 'connect',
  'destination-ip-unroutable': 'connect',
  'connection-refused': 'connect',
  'connection-terminated': 'connect',
  'connection-limit-reached': 'too-many',
  'tls-protocol-error': 'tls',
  'tls-certificate-error': 'tls',
  'tls-alert-received': 'tls',
  'http-response-body-size': 'too-large',
  'http-response-incomplete': 'incomplete',
  'http-request-method-invalid': 'invalid',
  'http-request-uri-invalid': 'invalid',
  'http-request-uri-too-long': 'invalid',
};

function fetchError({ tag, val } = {}) {
  const code = CODES[String(tag).toLowerCase()];
  if (code) return new FetchError(code, SENTENCES[code]);
  const said = tag === 'internal-error' && val ? `the request failed: ${val}` : 'the server\'s response cannot be used';
  return new FetchError('failed', said);
}
