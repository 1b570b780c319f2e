// How StarlingMonkey runs a call: it drives promises itself. 64-bit integers are bigints.

export const u64 = BigInt;
export const s64 = BigInt;
/** A negative integer of 64 bits ends the call (componentize-js 0.23). */
export const negatives = false;
export const run = (work) => work();
