// Pieces of an answer.

/** One piece: text, an image, a sound, a link to a resource, or a resource. Made by the functions below. */
export class Content {
  constructor(type, fields, options = {}) {
    this.type = type;
    Object.assign(this, fields);
    if (options.annotations) this.annotations = options.annotations;
    if (options.meta) this.meta = options.meta;
  }
}

export const text = (text, options) => new Content('text', { text: String(text) }, options);
export const image = (data, mimeType, options) => new Content('image', { data: bytes(data), mimeType }, options);
export const audio = (data, mimeType, options) => new Content('audio', { data: bytes(data), mimeType }, options);
export const resourceLink = ({ annotations, meta, ...link }) => new Content('resource_link', link, { annotations, meta });
export const embedded = (contents, options) => new Content('resource', { resource: contents }, options);

/** Everything that a tool can give back. */
export class ToolResult {
  constructor({ content = [], structured, isError = false, meta } = {}) {
    this.content = content;
    this.structured = structured;
    this.isError = isError;
    this.meta = meta;
  }
}

export const result = (parts) => new ToolResult(parts);

/** Text becomes UTF-8; bytes stay what they are. */
export function bytes(data) {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError('binary data is a string, a Uint8Array, or an ArrayBuffer');
}

/** JSON text of a value, or nothing for nothing. */
export const json = (value) => (value === undefined || value === null ? undefined : JSON.stringify(value));
