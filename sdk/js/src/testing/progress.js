import { granted } from './grants.js';

export function report(done, total, message) {
  granted().progress.push({ done, total, message });
}
