export type Role = 'user' | 'assistant';
export type Bytes = Uint8Array | ArrayBuffer;

export interface Icon {
  /** An `https:` or a `data:` URI. */
  src: string;
  mimeType?: string;
  /** Such as `48x48` or `any`. */
  sizes?: string[];
  theme?: 'light' | 'dark';
}

export interface Annotations {
  /** Whom it is for; everybody if it is left out. */
  audience?: Role[];
  /** From 0 (may be left out) to 1 (must be seen). */
  priority?: number;
  /** An ISO 8601 date and time. */
  lastModified?: string;
}

export interface Hints {
  annotations?: Annotations;
  meta?: Record<string, unknown>;
}

export interface ResourceEntry extends Hints {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  /** In bytes. */
  size?: number;
  icons?: Icon[];
}

/** What a resource holds: a text or bytes. */
export type Contents = { uri?: string; mimeType?: string; meta?: Record<string, unknown> } & ({ text: string } | { blob: Bytes });

/** A piece of an answer, made by `text`, `image`, `audio`, `resourceLink` and `embedded`. */
export declare class Content {
  private constructor();
  readonly type: 'text' | 'image' | 'audio' | 'resource_link' | 'resource';
}

export declare function text(text: string, hints?: Hints): Content;
export declare function image(data: Bytes | string, mimeType: string, hints?: Hints): Content;
export declare function audio(data: Bytes | string, mimeType: string, hints?: Hints): Content;
/** A pointer to a resource that the client may read. */
export declare function resourceLink(link: ResourceEntry): Content;
/** A resource that travels inside the answer. */
export declare function embedded(contents: Contents & { uri: string }, hints?: Hints): Content;

/** Everything that a tool can give back. */
export declare class ToolResult {
  private constructor();
}

export declare function result(parts: {
  content?: (Content | string)[];
  structured?: unknown;
  /** Whether this tells of a failure. Plain failures are easier thrown: `throw failed('...')`. */
  isError?: boolean;
  meta?: Record<string, unknown>;
}): ToolResult;
