// Values that may be promises of values. Where nothing is waited for, none is made: in QuickJS the promises of a call cost more
// than a small tool.

export const isPromise = (value) => typeof value?.then === 'function';

/** What `next` makes of a value, as soon as it is there. */
export const after = (value, next) => (isPromise(value) ? Promise.resolve(value).then(next) : next(value));
