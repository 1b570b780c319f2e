// How StarlingMonkey runs a call: it drives promises itself. 64-bit integers are bigints.

export const u64 = BigInt;
export const s64 = BigInt;
export const run = (work) => work();
