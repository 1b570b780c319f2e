// From the SDK's values to those of the contract (wit/types.wit), as componentize-qjs and componentize-js both take them.

import { u64 } from '#engine';
import { bytes, Content, json } from './content.js';

export const icons = (list = []) =>
  list.map(({ src, mimeType, sizes = [], theme }) => ({ src, mimeType, sizes, theme }));

export const annotations = (hints) =>
  hints && { audience: hints.audience ?? [], priority: hints.priority, lastModified: hints.lastModified };

const size = (bytes) => (bytes === undefined || bytes === null ? undefined : u64(bytes));

export function content(piece) {
  if (typeof piece === 'string') return { tag: 'text', val: { text: piece } };
  if (!(piece instanceof Content)) {
    throw new TypeError('content is made by text(), image(), audio(), resourceLink() or embedded()');
  }
  const hints = { annotations: annotations(piece.annotations), meta: json(piece.meta) };
  switch (piece.type) {
    case 'text':
      return { tag: 'text', val: { text: piece.text, ...hints } };
    case 'image':
    case 'audio':
      return { tag: piece.type, val: { data: piece.data, mimeType: piece.mimeType, ...hints } };
    case 'resource_link':
      return { tag: 'resource-link', val: { ...link(piece), ...hints } };
    default:
      return { tag: 'resource', val: { contents: contents(piece.resource), annotations: hints.annotations, meta: hints.meta } };
  }
}

function link({ uri, name, title, description, mimeType, size: length, icons: images }) {
  return { uri, name, title, description, mimeType, size: size(length), icons: icons(images) };
}

export const resource = (entry) =>
  ({ ...link(entry), annotations: annotations(entry.annotations), meta: json(entry.meta) });

export function template({ uriTemplate, name, title, description, mimeType, icons: images, annotations: hints, meta }) {
  return { uriTemplate, name, title, description, mimeType, icons: icons(images), annotations: annotations(hints), meta: json(meta) };
}

export function contents({ uri, mimeType, text, blob, meta }) {
  const body = text === undefined ? { tag: 'blob', val: bytes(blob) } : { tag: 'text', val: text };
  return { uri, mimeType, body, meta: json(meta) };
}

export function error({ kind, message, afterMs }) {
  switch (kind) {
    case 'retryable':
      return { tag: 'retryable', val: { message, afterMs: afterMs === undefined ? undefined : u64(Math.ceil(afterMs)) } };
    case 'not-found':
      return { tag: 'failed', val: message };
    default:
      return { tag: kind, val: message };
  }
}
