// How QuickJS runs a call: synchronously, with the promises' jobs driven here. 64-bit integers are numbers.

import { turn } from './loop.js';
import { drain } from './promise.js';
import { reseed } from './random.js';

export const u64 = Number;
export const s64 = Number;
export const negatives = true;

/** Runs an asynchronous function to its end. */
export function run(work) {
  reseed();
  let outcome;
  work().then((value) => { outcome = { value }; }, (error) => { outcome = { error }; });
  for (drain(); outcome === undefined; drain()) {
    if (!turn() && outcome === undefined) throw { tag: 'internal', val: 'the plugin waits for something that never happens' };
  }
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
