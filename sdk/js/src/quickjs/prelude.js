// What has to be in place before any code of a plugin runs.

import { console } from '../console.js';
import { enqueue, Promise } from './promise.js';
import { random } from './random.js';

globalThis.Promise = Promise;
globalThis.queueMicrotask = enqueue;
globalThis.console = console;
Math.random = random;
