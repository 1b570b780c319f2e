// How StarlingMonkey runs a call: it drives promises itself. 64-bit integers are bigints.

export const u64 = BigInt;
export const s64 = BigInt;
/** A negative integer of 64 bits ends the call (componentize-js 0.23). */
export const negatives = false;

/** Gives what `done` makes of the value of `work`, or `failed` of what it throws. Waits once in any case, for what was begun. */
export async function run(work, done, failed) {
  let value;
  try {
    value = await work();
  } catch (error) {
    return failed(error);
  }
  return done(value);
}
