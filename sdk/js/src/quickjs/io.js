// Waiting for the host: pollables and timers, all at once.

import { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.12';
import { poll } from 'wasi:io/poll@0.2.12';
import { install } from './loop.js';

const waiting = new Map();
const timers = new Map();
let timersMade = 0;

/** Lets a handle of the host's go. */
export const dispose = (handle) => (handle[Symbol.dispose] ?? handle[Symbol.for('dispose')]).call(handle);

/** Goes on when `pollable` is ready. `signal` gives up before. */
export function ready(pollable, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      signal?.removeEventListener('abort', abort);
      waiting.delete(pollable);
      dispose(pollable);
      settle(value);
    };
    const abort = () => end(reject, signal.reason);
    if (signal?.aborted) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort);
    waiting.set(pollable, () => end(resolve));
    install(wait, isWaiting);
  });
}

export function setTimeout(callback, ms = 0, ...args) {
  return timer(callback, ms, args, undefined);
}

export function setInterval(callback, ms = 0, ...args) {
  return timer(callback, ms, args, Math.max(1, ms));
}

export function clearTimeout(id) {
  timers.delete(id);
}

export const clearInterval = clearTimeout;

function timer(callback, ms, args, every) {
  timersMade += 1;
  install(wait, isWaiting);
  timers.set(timersMade, { at: Date.now() + Math.max(0, Number(ms) || 0), callback, args, every });
  return timersMade;
}

const isWaiting = () => waiting.size + timers.size > 0;

/** Waits until something is ready or due, and says so to who waits for it. */
function wait() {
  const pollables = [...waiting.keys()];
  const due = Math.min(...[...timers.values()].map(({ at }) => at));
  const clock = due === Infinity ? undefined : subscribeDuration(Math.max(0, due - Date.now()) * 1e6);
  const found = poll(clock ? [...pollables, clock] : pollables);
  if (clock) dispose(clock);
  for (const index of found) waiting.get(pollables[index])?.();
  if (clock) fire();
}

function fire() {
  const now = Date.now();
  const late = [...timers].filter(([, { at }]) => at <= now).sort(([, one], [, other]) => one.at - other.at);
  for (const [id, { callback, args, every }] of late) {
    // One that another one cleared does not fire.
    if (!timers.has(id)) continue;
    if (every === undefined) timers.delete(id);
    else timers.get(id).at = now + every;
    callback(...args);
  }
}
