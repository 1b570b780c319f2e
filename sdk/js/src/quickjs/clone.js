/** Copies data, with what refers to the same thing twice and to itself. */
export function structuredClone(value, _options, seen = new Map()) {
  if (typeof value === 'function' || typeof value === 'symbol') throw new DOMException('it cannot be cloned', 'DataCloneError');
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const kept = (copy) => {
    seen.set(value, copy);
    return copy;
  };
  const clone = (part) => structuredClone(part, undefined, seen);
  if (value instanceof Date) return kept(new Date(value));
  if (value instanceof RegExp) return kept(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return kept(value.slice(0));
  if (ArrayBuffer.isView(value)) return kept(view(value, clone(value.buffer)));
  if (value instanceof Map) {
    const copy = kept(new Map());
    for (const [key, held] of value) copy.set(clone(key), clone(held));
    return copy;
  }
  if (value instanceof Set) {
    const copy = kept(new Set());
    for (const held of value) copy.add(clone(held));
    return copy;
  }
  if (value instanceof Error) return kept(Object.assign(new Error(value.message), { name: value.name, stack: value.stack }));
  const copy = kept(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) copy[key] = clone(value[key]);
  return copy;
}

function view(of, buffer) {
  return of instanceof DataView
    ? new DataView(buffer, of.byteOffset, of.byteLength)
    : new of.constructor(buffer, of.byteOffset, of.length);
}
