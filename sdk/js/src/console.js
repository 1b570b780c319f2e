// `console`, which writes to the host's log.

import * as log from './log.js';

const counts = new Map();

export const console = {
  log: log.info,
  info: log.info,
  debug: log.debug,
  warn: log.warn,
  error: log.error,
  trace: (...values) => log.trace(...values, new Error().stack ?? ''),
  dir: (value) => log.info(value),
  table: (value) => log.info(value),
  group: log.info,
  groupEnd: () => {},
  assert: (holds, ...values) => {
    if (!holds) log.error('Assertion failed:', ...values);
  },
  count: (label = 'default') => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    log.info(`${label}: ${counts.get(label)}`);
  },
  time: (label = 'default') => counts.set(`time ${label}`, Date.now()),
  timeEnd: (label = 'default') => log.info(`${label}: ${Date.now() - counts.get(`time ${label}`)} ms`),
};
