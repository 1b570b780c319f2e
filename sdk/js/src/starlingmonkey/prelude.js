// What has to be in place before any code of a plugin runs: the rest is the engine's.

import { log } from '#host/log';
import { console } from '../console.js';

globalThis.console = console;

// The engine makes a class when its name is first used: here all of them, before the snapshot, so that no call has to. The bindings, which
// put a call's values together, have a global object of their own; what they offer to plugins leads to it.
const bindings = log.constructor('return globalThis')();
for (const global of [globalThis, bindings]) {
  for (const name of Object.getOwnPropertyNames(global)) Reflect.get(global, name);
}
