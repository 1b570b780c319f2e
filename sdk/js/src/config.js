// What the operator set for this plugin: `[plugin.NAME.grants.config]` of the host's configuration.

import * as host from '#host/config';
import { failed } from './errors.js';

/** The setting `key`, if the operator made it. */
export const get = (key) => host.get(key) ?? undefined;

/** All settings, by key. */
export const all = () => Object.fromEntries(host.getAll());

/** The setting `key` as a number, with an error that names the key if it is none. */
export function number(key) {
  const written = get(key);
  if (written === undefined) return undefined;
  const value = Number(written);
  if (written.trim() === '' || Number.isNaN(value)) {
    throw failed(`the operator's setting \`${key}\` cannot be used: it is no number`);
  }
  return value;
}

/** The setting `key` as `true` or `false`, with an error that names the key if it is neither. */
export function boolean(key) {
  const written = get(key)?.trim();
  if (written === undefined) return undefined;
  if (written !== 'true' && written !== 'false') {
    throw failed(`the operator's setting \`${key}\` cannot be used: it is neither \`true\` nor \`false\``);
  }
  return written === 'true';
}
