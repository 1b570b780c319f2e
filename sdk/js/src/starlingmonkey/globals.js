// The build puts in what a plugin's code names, in place of the engine's own.

export { fetch } from './fetch.js';
