// What the web has and QuickJS lacks. The build puts in what a plugin's code names, and leaves out the rest (esbuild's
// `inject`).

export { AbortController, AbortSignal } from './abort.js';
export { crypto } from './crypto.js';
export { TextDecoder, TextEncoder } from './encoding.js';
export { fetch } from './fetch.js';
export { Headers, Request, Response } from './http.js';
export { clearInterval, clearTimeout, setInterval, setTimeout } from './io.js';
export { URLSearchParams } from './search.js';
export { URL } from './url.js';
export { structuredClone } from './clone.js';
