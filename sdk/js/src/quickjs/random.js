// Random numbers. The engine's own generator is part of the snapshot: every instance would draw the same.

import { getRandomBytes } from 'wasi:random/random@0.2.12';

const builtIn = Math.random;
let running = false;
let state;

/** A call begins: what it draws is its own. */
export function reseed() {
  running = true;
  state = undefined;
}

/** Bytes that nobody can foretell. */
export function randomBytes(count) {
  if (!running) throw new Error('random bytes are drawn in a call, not while the plugin is built');
  return getRandomBytes(count);
}

/** For `Math.random`: xoshiro128** (Blackman and Vigna), begun with 16 bytes of the host's. */
export function random() {
  if (!running) return builtIn();
  state ??= new Uint32Array(new Uint8Array(getRandomBytes(16)).buffer);
  return ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

const rotated = (value, by) => (value << by) | (value >>> (32 - by));

function next() {
  const [a, b, c, d] = state;
  const drawn = Math.imul(rotated(Math.imul(b, 5), 7), 9);
  const e = c ^ a;
  const f = d ^ b;
  state[1] = b ^ e;
  state[0] = a ^ f;
  state[2] = e ^ (b << 9);
  state[3] = rotated(f, 11);
  return drawn;
}
