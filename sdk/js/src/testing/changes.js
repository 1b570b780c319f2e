import { granted } from './grants.js';

export function listChanged(what) {
  granted().changes.push({ list: what });
}

export function resourceUpdated(uri) {
  granted().changes.push({ resource: uri });
}
