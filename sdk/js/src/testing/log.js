import { granted } from './grants.js';

export function log(level, context, message) {
  granted().logs.push({ level, context, message });
}
