// The store of native tests: values in memory, with the host's rules about who was first.

import { granted } from './grants.js';

/** Small, so that tests of plugins see more than one part. */
const KEYS_IN_A_PART = 10;

const refused = (payload) => Object.assign(new Error('the store refused'), { payload });

export function open(name) {
  if (!granted().values) throw refused({ tag: 'access-denied' });
  if (name !== 'default') throw refused({ tag: 'no-such-store' });
  return new Bucket();
}

class Bucket {
  get(key) {
    return granted().values.get(key);
  }

  set(key, value) {
    granted().values.set(key, value);
  }

  delete(key) {
    granted().values.delete(key);
  }

  exists(key) {
    return granted().values.has(key);
  }

  listKeys(cursor) {
    const sorted = [...granted().values.keys()].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    const from = cursor === undefined ? 0 : sorted.indexOf(cursor) + 1;
    const keys = sorted.slice(from, from + KEYS_IN_A_PART);
    return { keys, cursor: from + keys.length < sorted.length ? keys.at(-1) : undefined };
  }
}

export const getMany = (bucket, keys) => keys.map((key) => (bucket.exists(key) ? [key, bucket.get(key)] : undefined));

export function setMany(bucket, pairs) {
  for (const [key, value] of pairs) bucket.set(key, value);
}

export function deleteMany(bucket, keys) {
  for (const key of keys) bucket.delete(key);
}

export function increment(bucket, key, delta) {
  const written = bucket.exists(key) ? Buffer.from(bucket.get(key)).toString() : '0';
  if (!/^-?\d+$/.test(written)) throw refused({ tag: 'other', val: 'the value is no number, or the sum is too large' });
  const sum = BigInt(written) + delta;
  bucket.set(key, Buffer.from(String(sum)));
  return sum;
}

export class Cas {
  constructor(bucket, key) {
    Object.assign(this, { bucket, key, value: bucket.get(key) });
  }

  static new(bucket, key) {
    return new Cas(bucket, key);
  }

  current() {
    return this.value;
  }
}

export function swap({ bucket, key, value: before }, value) {
  const now = bucket.get(key);
  const same = now === before || (now && before && Buffer.compare(now, before) === 0);
  if (!same) throw refused({ tag: 'cas-failed', val: new Cas(bucket, key) });
  bucket.set(key, value);
}
