// Headers, Request and Response, as far as a plugin meets them.

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

export class Headers {
  #entries = new Map();

  constructor(given) {
    const pairs = given instanceof Headers || Array.isArray(given) ? given : Object.entries(given ?? {});
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name, value) {
    const key = lower(name);
    const before = this.#entries.get(key);
    this.#entries.set(key, before === undefined ? String(value).trim() : `${before}, ${String(value).trim()}`);
  }

  set(name, value) {
    this.#entries.set(lower(name), String(value).trim());
  }

  get(name) {
    return this.#entries.get(lower(name)) ?? null;
  }

  has(name) {
    return this.#entries.has(lower(name));
  }

  delete(name) {
    this.#entries.delete(lower(name));
  }

  forEach(callback) {
    for (const [name, value] of this) callback(value, name, this);
  }

  *entries() {
    yield* [...this.#entries].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

const lower = (name) => String(name).toLowerCase();

export class Request {
  constructor(input, init = {}) {
    const from = input instanceof Request ? input : {};
    this.url = new URL(input instanceof Request ? input.url : String(input)).href;
    this.method = method(init.method ?? from.method ?? 'GET');
    this.headers = new Headers(init.headers ?? from.headers);
    this.signal = init.signal ?? from.signal;
    this.redirect = init.redirect ?? from.redirect ?? 'follow';
    const body = init.body ?? undefined;
    /** The bytes to be sent. */
    this.body = body === undefined ? from.body : encoded(body, this.headers);
    if (this.body && (this.method === 'GET' || this.method === 'HEAD')) {
      throw new TypeError(`a ${this.method} request has no body`);
    }
  }
}

/** The usual ones are written in any case; others mean what they say. */
function method(name) {
  const upper = name.toUpperCase();
  return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : name;
}

function encoded(body, headers) {
  const type = typeof body === 'string' ? 'text/plain;charset=UTF-8' : body instanceof URLSearchParams ? FORM : undefined;
  if (type && !headers.has('content-type')) headers.set('content-type', type);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return new TextEncoder().encode(String(body));
}

export class Response {
  #chunks;

  constructor(body, { status = 200, statusText = '', headers, url = '', redirected = false } = {}) {
    this.status = status;
    this.statusText = statusText;
    this.headers = new Headers(headers);
    this.url = url;
    this.redirected = redirected;
    this.type = 'default';
    this.bodyUsed = false;
    this.#chunks = typeof body?.[Symbol.asyncIterator] === 'function' ? body : once(body, this.headers);
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  /** The body, as pieces to be gone through with `for await`, or to be done without. */
  get body() {
    return {
      [Symbol.asyncIterator]: () => this.#take()[Symbol.asyncIterator](),
      cancel: async () => this.#take().cancel?.(),
    };
  }

  async bytes() {
    const chunks = [];
    let length = 0;
    for await (const chunk of this.#take()) {
      chunks.push(chunk);
      length += chunk.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }

  async text() {
    return new TextDecoder().decode(await this.bytes());
  }

  async json() {
    return JSON.parse(await this.text());
  }

  #take() {
    if (this.bodyUsed) throw new TypeError('the body was read already');
    this.bodyUsed = true;
    return this.#chunks;
  }

  static json(data, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(data), { ...init, headers });
  }
}

async function* once(body, headers) {
  if (body !== undefined && body !== null) yield encoded(body, headers);
}
