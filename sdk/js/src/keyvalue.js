// Values that outlive a call. A plugin that was granted `[plugin.NAME.grants.keyvalue]` has a store of its own, for each
// tenant another. Calls run at the same time: what reads and then writes goes through `update`.

import * as host from '#host/keyvalue';
import { negatives, s64 } from '#engine';
import { bytes } from './content.js';
import { retryable, ToolError } from './errors.js';

/** How often an update begins again. Each time somebody else's got through, so only a key that many write at once comes near. */
const UPDATES_MAX = 1000;

/** Why a value could not be had or kept. */
export class StoreError extends ToolError {
  constructor(code, message, options) {
    super('failed', message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

/** The plugin's store. */
export function open(name = 'default') {
  return new Store(told(() => host.open(name)));
}

export class Store {
  #bucket;

  constructor(bucket) {
    this.#bucket = bucket;
  }

  /** The bytes at `key`, or `undefined`. */
  get(key) {
    return told(() => this.#bucket.get(key)) ?? undefined;
  }

  /** The text at `key`, or `undefined`. */
  getText(key) {
    const value = this.get(key);
    return value && new TextDecoder().decode(value);
  }

  /** The value at `key`, which is JSON, or `undefined`. */
  getJson(key) {
    const value = this.getText(key);
    return value === undefined ? undefined : parsed(key, value);
  }

  /** Sets `key` to text or bytes, whatever it was. */
  set(key, value) {
    told(() => this.#bucket.set(key, bytes(value)));
  }

  /** Sets `key` to `value` as JSON. */
  setJson(key, value) {
    this.set(key, JSON.stringify(value));
  }

  /** Takes `key` away, if it is there. */
  delete(key) {
    told(() => this.#bucket.delete(key));
  }

  /** Whether `key` has a value. */
  exists(key) {
    return told(() => this.#bucket.exists(key));
  }

  /** All keys in their order, or those that begin with `prefix`, fetched part by part. */
  *keys(prefix = '') {
    let cursor;
    do {
      const part = told(() => this.#bucket.listKeys(cursor));
      yield* part.keys.filter((key) => key.startsWith(prefix));
      cursor = part.cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** The values of `keys`, in their order. */
  getMany(keys) {
    return told(() => host.getMany(this.#bucket, keys)).map((pair) => pair?.[1]);
  }

  /** Sets several keys at once: an object or a list of pairs. */
  setMany(pairs) {
    const list = Symbol.iterator in pairs ? [...pairs] : Object.entries(pairs);
    told(() => host.setMany(this.#bucket, list.map(([key, value]) => [key, bytes(value)])));
  }

  /** Takes several keys away. */
  deleteMany(keys) {
    told(() => host.deleteMany(this.#bucket, keys));
  }

  /** Adds `delta` to the number at `key`, which begins at 0, and gives the sum. One step, whoever else counts. */
  increment(key, delta = 1) {
    if (negatives) return Number(told(() => host.increment(this.#bucket, key, s64(delta))));
    return Number(this.update(key, (old) => String(counted(key, old) + BigInt(delta))));
  }

  /**
   * Sets `key` to what `change` makes of its bytes. If somebody else writes it meanwhile, `change` is asked again with
   * what they wrote, so that no update is lost. It therefore has no other effect.
   */
  update(key, change) {
    let cas = told(() => host.Cas.new(this.#bucket, key));
    for (let round = 0; round < UPDATES_MAX; round += 1) {
      const value = change(told(() => cas.current()) ?? undefined);
      const now = swapped(cas, bytes(value));
      if (now === undefined) return value;
      cas = now;
    }
    throw retryable(`too many write \`${key}\` at once; try again`);
  }

  /** `update` for a value that is JSON. Gives what was written. */
  updateJson(key, change) {
    let written;
    this.update(key, (old) => {
      written = change(old && parsed(key, new TextDecoder().decode(old)));
      return JSON.stringify(written);
    });
    return written;
  }
}

/** A number as the host keeps it: in decimal digits. */
function counted(key, old) {
  const text = old ? new TextDecoder().decode(old) : '0';
  if (!/^-?\d+$/.test(text)) throw storeError({ tag: 'other', val: `what is stored as \`${key}\` is no number` });
  return BigInt(text);
}

/** Writes, or gives what somebody else made of it meanwhile. */
function swapped(cas, value) {
  try {
    host.swap(cas, value);
    return undefined;
  } catch (error) {
    const { tag, val } = payload(error);
    if (tag === 'cas-failed') return val;
    throw storeError(tag === 'store-error' ? val : { tag: 'other', val: String(error) });
  }
}

function parsed(key, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StoreError('unreadable', `what is stored as \`${key}\` cannot be read: it is not JSON`, { cause: error });
  }
}

function told(work) {
  try {
    return work();
  } catch (error) {
    const said = payload(error);
    if (said.tag === undefined) throw error;
    throw storeError(said);
  }
}

const payload = (error) => error?.payload ?? error ?? {};

function storeError({ tag, val }) {
  switch (tag) {
    case 'access-denied':
      return new StoreError('denied', 'this plugin has no store to keep anything in');
    case 'no-such-store':
      return new StoreError('no-such-store', 'there is no store of that name');
    default:
      return new StoreError('failed', `the store refused: ${val}`);
  }
}
