// How QuickJS runs a call: synchronously, with the promises' jobs driven here. 64-bit integers are numbers.

import { isPromise } from '../settled.js';
import { turn } from './loop.js';
import { drain } from './promise.js';
import { reseed } from './random.js';

export const u64 = Number;
export const s64 = Number;
export const negatives = true;

/** Runs `work` to its end, with all that it has begun; gives what `done` makes of its value, or `failed` of what it throws. */
export function run(work, done, failed) {
  reseed();
  let outcome;
  try {
    const value = work();
    if (isPromise(value)) value.then((value) => { outcome = { value }; }, (error) => { outcome = { error }; });
    else outcome = { value };
  } catch (error) {
    outcome = { error };
  }
  for (drain(); outcome === undefined; drain()) {
    if (!turn() && outcome === undefined) throw { tag: 'internal', val: 'the plugin waits for something that never happens' };
  }
  return 'error' in outcome ? failed(outcome.error) : done(outcome.value);
}
