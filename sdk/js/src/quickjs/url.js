// URL, as far as http: and https: have it, and what else has a scheme (https://url.spec.whatwg.org). Names of servers
// that are not ASCII are to be written in their ASCII form (`xn--`), and a `?` or `#` with nothing behind it is dropped.

import { URLSearchParams } from './search.js';

const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21' };
const PARTS = /^([A-Za-z][A-Za-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s;
const AUTHORITY = /^(?:([^:@]*)(?::([^@]*))?@)?(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::(\d*))?$/;
const FORBIDDEN_IN_HOST = /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/;

const encoder = (wanted) => (text) => text.replace(wanted, encodeURIComponent);
const path = encoder(/[\0-\x20"#<>?`{}\x7f]|[^\0-\x7f]+/gu);
const query = encoder(/[\0-\x20"#<>\x7f]|[^\0-\x7f]+/gu);
const fragment = encoder(/[\0-\x20"<>`\x7f]|[^\0-\x7f]+/gu);

export class URL {
  #parts;
  #params;

  constructor(input, base) {
    const text = String(input).replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const from = base === undefined ? undefined : new URL(base).#parts;
    this.#parts = parsed(text, from);
    if (this.#parts === undefined) throw new TypeError(`\`${text}\` is not a URL`);
  }

  static canParse(input, base) {
    return URL.parse(input, base) !== null;
  }

  static parse(input, base) {
    try {
      return new URL(input, base);
    } catch {
      return null;
    }
  }

  get protocol() { return this.#parts.protocol; }
  get username() { return this.#parts.username; }
  get password() { return this.#parts.password; }
  get hostname() { return this.#parts.hostname ?? ''; }
  get port() { return this.#parts.port; }
  get host() { return this.port ? `${this.hostname}:${this.port}` : this.hostname; }
  get origin() { return this.protocol in PORTS ? `${this.protocol}//${this.host}` : 'null'; }
  get pathname() { return this.#parts.pathname; }
  get search() { return this.#parts.search; }
  get hash() { return this.#parts.hash; }

  get href() {
    const { protocol, username, password, hostname } = this.#parts;
    const user = username || password ? `${username}${password ? `:${password}` : ''}@` : '';
    const authority = hostname === undefined ? '' : `//${user}${this.host}`;
    return protocol + authority + this.pathname + this.search + this.hash;
  }

  set pathname(value) {
    const text = String(value);
    this.#parts.pathname = normalized(text.startsWith('/') ? text : `/${text}`);
  }

  set search(value) {
    this.#parts.search = prefixed('?', query(String(value)));
    this.#params = undefined;
  }

  set hash(value) {
    this.#parts.hash = prefixed('#', fragment(String(value)));
  }

  set hostname(value) {
    this.#parts.hostname = server(String(value), this.protocol) ?? this.#parts.hostname;
  }

  set port(value) {
    const port = String(value);
    if (/^\d*$/.test(port) && Number(port) < 65536) this.#parts.port = port === PORTS[this.protocol] ? '' : port;
  }

  get searchParams() {
    this.#params ??= new URLSearchParams(this.search, (text) => { this.#parts.search = prefixed('?', text); });
    return this.#params;
  }

  toString() { return this.href; }
  toJSON() { return this.href; }
}

const prefixed = (mark, text) => (text === '' || text === mark ? '' : text.startsWith(mark) ? text : mark + text);

/** A URL's parts, or nothing if it is none. */
function parsed(text, base) {
  const protocol = /^[A-Za-z][A-Za-z0-9+.-]*:/.exec(text)?.[0].toLowerCase() ?? base?.protocol;
  if (protocol === undefined) return undefined;
  // On the web, a backslash is a slash.
  const slashed = protocol in PORTS ? text.replace(/^[^?#]*/, (start) => start.replaceAll('\\', '/')) : text;
  const [, scheme, authority, rest, search = '', hash = ''] = PARTS.exec(slashed);
  const tail = { search: prefixed('?', query(search)), hash: prefixed('#', fragment(hash)) };
  const special = protocol in PORTS;
  if (authority !== undefined) return withAuthority(protocol, authority, rest, tail);
  if (scheme === undefined || (special && scheme.toLowerCase() === base?.protocol)) return relative(base, rest, search, tail);
  // Such as `mailto:ada@example.com`: no server, and a path that is a text.
  return special ? undefined : { protocol, username: '', password: '', hostname: undefined, port: '', pathname: path(rest), ...tail };
}

function withAuthority(protocol, authority, rest, tail) {
  const [, username = '', password = '', host, port = ''] = AUTHORITY.exec(authority) ?? [];
  const hostname = host === undefined ? undefined : server(host, protocol);
  if (hostname === undefined || Number(port) > 65535) return undefined;
  const shown = port === '' ? '' : String(Number(port));
  const pathname = protocol in PORTS || rest !== '' ? normalized(rest) : '';
  return { protocol, username, password, hostname, port: shown === PORTS[protocol] ? '' : shown, pathname, ...tail };
}

function server(host, protocol) {
  if (host === '') return protocol in PORTS ? undefined : '';
  const name = host.startsWith('[') ? host : decoded(host);
  if (name === undefined || (!name.startsWith('[') && FORBIDDEN_IN_HOST.test(name)) || /[^\0-\x7f]/.test(name)) return undefined;
  return name.toLowerCase();
}

function decoded(host) {
  try {
    return decodeURIComponent(host);
  } catch {
    return undefined;
  }
}

function relative(base, rest, search, tail) {
  if (base === undefined) return undefined;
  if (rest === '') return { ...base, search: search === '' ? base.search : tail.search, hash: tail.hash };
  const folder = base.pathname.slice(0, base.pathname.lastIndexOf('/') + 1);
  return { ...base, pathname: normalized(rest.startsWith('/') ? rest : folder + rest), ...tail };
}

/** Without `.` and `..`, encoded. */
function normalized(text) {
  const segments = text.replace(/^\//, '').split('/');
  const kept = [];
  segments.forEach((segment, index) => {
    const plain = segment.replace(/%2e/gi, '.');
    if (plain === '..') kept.pop();
    else if (plain !== '.') kept.push(path(segment));
    if ((plain === '.' || plain === '..') && index === segments.length - 1) kept.push('');
  });
  return `/${kept.join('/')}`;
}
