// What has to be in place before any code of a plugin runs: the rest is the engine's.

import { console } from '../console.js';

globalThis.console = console;
