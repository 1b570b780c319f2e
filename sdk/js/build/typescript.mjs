// For tests in TypeScript: `node --import @toolyard/plugin/typescript --test`. Node 22.18 and newer can do without.

import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
