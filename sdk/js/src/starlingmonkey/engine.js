// How StarlingMonkey runs a call: it drives promises itself. 64-bit integers are bigints.

import { begin } from './prelude.js';

export const u64 = BigInt;
export const s64 = BigInt;

export function run(work) {
  begin();
  return work();
}
