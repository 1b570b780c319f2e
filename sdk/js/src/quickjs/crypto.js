// The part of Web Crypto that is about random numbers.

import { randomBytes } from './random.js';

export const crypto = {
  getRandomValues(array) {
    const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    view.set(randomBytes(view.length));
    return array;
  },

  randomUUID() {
    const bytes = new Uint8Array(randomBytes(16));
    // Version 4, variant 1 (RFC 9562).
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
};
