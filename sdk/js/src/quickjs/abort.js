// AbortController and AbortSignal, as far as requests and timers need them.

import { setTimeout } from './io.js';

const error = (name, message) => new DOMException(message, name);

export class AbortSignal {
  #listeners = new Set();
  aborted = false;
  reason = undefined;
  onabort = null;

  addEventListener(type, listener) {
    if (type === 'abort') this.#listeners.add(listener);
  }

  removeEventListener(type, listener) {
    if (type === 'abort') this.#listeners.delete(listener);
  }

  throwIfAborted() {
    if (this.aborted) throw this.reason;
  }

  /** For AbortController, and the functions below. */
  static end(signal, reason = error('AbortError', 'it was given up')) {
    if (signal.aborted) return;
    signal.aborted = true;
    signal.reason = reason;
    const event = { type: 'abort', target: signal };
    signal.onabort?.(event);
    for (const listener of signal.#listeners) {
      if (typeof listener === 'function') listener(event);
      else listener.handleEvent(event);
    }
  }

  static abort(reason) {
    const signal = new AbortSignal();
    AbortSignal.end(signal, reason);
    return signal;
  }

  static timeout(ms) {
    const signal = new AbortSignal();
    setTimeout(() => AbortSignal.end(signal, error('TimeoutError', 'it took too long')), ms);
    return signal;
  }

  static any(signals) {
    const all = new AbortSignal();
    for (const signal of signals) {
      if (signal.aborted) AbortSignal.end(all, signal.reason);
      else signal.addEventListener('abort', () => AbortSignal.end(all, signal.reason));
    }
    return all;
  }
}

export class AbortController {
  signal = new AbortSignal();

  abort(reason) {
    AbortSignal.end(this.signal, reason);
  }
}
