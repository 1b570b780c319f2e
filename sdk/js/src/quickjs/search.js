// URLSearchParams (https://url.spec.whatwg.org/#interface-urlsearchparams).

export class URLSearchParams {
  #pairs;
  #changed;

  /** `changed` is told the new text: for URL. */
  constructor(given = '', changed = () => {}) {
    this.#pairs = pairs(given);
    this.#changed = changed;
  }

  get size() { return this.#pairs.length; }

  append(name, value) {
    this.#set([...this.#pairs, [String(name), String(value)]]);
  }

  delete(name, value) {
    this.#set(this.#pairs.filter(([key, held]) => key !== name || (value !== undefined && held !== String(value))));
  }

  get(name) {
    return this.#pairs.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(name) {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  has(name, value) {
    return this.#pairs.some(([key, held]) => key === name && (value === undefined || held === String(value)));
  }

  set(name, value) {
    const at = this.#pairs.findIndex(([key]) => key === name);
    if (at < 0) {
      this.append(name, value);
      return;
    }
    const others = this.#pairs.filter(([key], index) => index <= at || key !== name);
    others[at] = [String(name), String(value)];
    this.#set(others);
  }

  sort() {
    this.#set([...this.#pairs].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)));
  }

  forEach(callback) {
    for (const [name, value] of this) callback(value, name, this);
  }

  *entries() { yield* this.#pairs.map((pair) => [...pair]); }
  *keys() { for (const [name] of this.#pairs) yield name; }
  *values() { for (const [, value] of this.#pairs) yield value; }
  [Symbol.iterator]() { return this.entries(); }

  toString() {
    return this.#pairs.map((pair) => pair.map(encoded).join('=')).join('&');
  }

  #set(list) {
    this.#pairs = list;
    this.#changed(this.toString());
  }
}

function pairs(given) {
  if (typeof given === 'object' && given !== null) {
    const list = Symbol.iterator in given ? [...given] : Object.entries(given);
    return list.map(([name, value]) => [String(name), String(value)]);
  }
  const parts = String(given).replace(/^\?/, '').split('&').filter((part) => part !== '');
  return parts.map((part) => {
    const [name, value = ''] = part.split(/=(.*)/s);
    return [decoded(name), decoded(value)];
  });
}

/** As forms are sent: a space is a `+`. */
const encoded = (text) =>
  encodeURIComponent(text.toWellFormed()).replace(/%20/g, '+').replace(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

/** What is not well encoded stands for itself. */
const decoded = (text) =>
  text.replaceAll('+', ' ').replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => new TextDecoder().decode(Uint8Array.from(run.slice(1).split('%'), (hex) => parseInt(hex, 16))));
