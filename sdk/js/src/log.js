// Writing to the host's log, and to clients that want to see it.

import * as host from '#host/log';

const at = (level) => (...values) => write(level, values.map(shown).join(' '));

/** Says `message`. `context` names the part of the plugin that speaks. */
export function write(level, message, context = '') {
  host.log(level, context, message);
}

export const trace = at('trace');
export const debug = at('debug');
export const info = at('info');
export const warn = at('warn');
export const error = at('error');
export const critical = at('critical');

/** A value as a line of text: errors with their stack and causes, objects as JSON. */
export function shown(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return shownError(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function shownError(error) {
  const head = `${error.name}: ${error.message}`;
  const stack = error.stack ?? '';
  // Some engines put the message in front of the stack, some do not.
  const said = stack.startsWith(error.name) ? stack : `${head}\n${stack}`;
  return error.cause === undefined ? said.trimEnd() : `${said.trimEnd()}\ncaused by ${shown(error.cause)}`;
}
