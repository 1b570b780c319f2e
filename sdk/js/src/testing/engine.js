// How Node runs a call.

export const u64 = BigInt;
export const s64 = BigInt;
export const negatives = true;
export { run } from '../starlingmonkey/engine.js';
