// TextEncoder and TextDecoder for UTF-8 (https://encoding.spec.whatwg.org/#utf-8).

export class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    const said = String(text);
    const bytes = new Uint8Array(said.length * 3);
    return bytes.slice(0, this.encodeInto(said, bytes).written);
  }

  encodeInto(text, bytes) {
    let read = 0;
    let written = 0;
    for (const character of text) {
      const code = character.codePointAt(0);
      // Half of a pair by itself is no character.
      const encoded = unit(code >= 0xd800 && code <= 0xdfff ? 0xfffd : code);
      if (written + encoded.length > bytes.length) break;
      for (const byte of encoded) bytes[written++] = byte;
      read += character.length;
    }
    return { read, written };
  }
}

function unit(code) {
  if (code < 0x80) return [code];
  if (code < 0x800) return [0xc0 | (code >> 6), last(code)];
  if (code < 0x10000) return [0xe0 | (code >> 12), last(code >> 6), last(code)];
  return [0xf0 | (code >> 18), last(code >> 12), last(code >> 6), last(code)];
}

const last = (code) => 0x80 | (code & 0x3f);

/** How many characters are put together at once: arguments of one call. */
const CHUNK = 4096;

export class TextDecoder {
  #rest = [];

  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(unicode-1-1-utf-8|utf-?8|x-unicode20utf8)\s*$/i.test(label)) {
      throw new RangeError(`\`${label}\` cannot be decoded here: UTF-8 can`);
    }
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  get encoding() {
    return 'utf-8';
  }

  decode(data = new Uint8Array(), { stream = false } = {}) {
    const given = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const bytes = this.#rest.length > 0 ? Uint8Array.from([...this.#rest, ...given]) : given;
    const end = stream ? whole(bytes) : bytes.length;
    this.#rest = [...bytes.subarray(end)];
    return this.#text(bytes.subarray(0, end));
  }

  #text(bytes) {
    const parts = [];
    let codes = [];
    for (let at = 0; at < bytes.length;) {
      const { code, length } = character(bytes, at);
      if (code === undefined && this.fatal) throw new TypeError('the data is not valid UTF-8');
      // A mark of the byte order says nothing in UTF-8.
      if (at > 0 || code !== 0xfeff || this.ignoreBOM) codes.push(code ?? 0xfffd);
      at += length;
      if (codes.length === CHUNK) {
        parts.push(String.fromCodePoint(...codes));
        codes = [];
      }
    }
    return parts.join('') + String.fromCodePoint(...codes);
  }
}

/** Where the last character ends of which all bytes are there. */
function whole(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) !== 0x80) return (byte >= 0xc0 && size(byte) > back) ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const size = (byte) => (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1);

/** The character at `at`, and how many bytes it takes; no code, and how many bytes to skip, if it is none. */
function character(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return { code: first, length: 1 };
  if (first < 0xc2 || first > 0xf4) return { length: 1 };
  const length = size(first);
  // Overlong forms, surrogates and what is beyond Unicode show in the second byte.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  let code = first & (0xff >> (length + 1));
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index];
    const fits = index === 1 ? byte >= low && byte <= high : (byte & 0xc0) === 0x80;
    if (!fits) return { length: index };
    code = (code << 6) | (byte & 0x3f);
  }
  return { code, length };
}
