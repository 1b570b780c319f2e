export type ErrorKind = 'invalid-arguments' | 'denied' | 'retryable' | 'failed' | 'internal' | 'not-found';

/** An error for the caller's model: its message says what went wrong and what to do about it. */
export declare class ToolError extends Error {
  private constructor();
  readonly kind: ErrorKind;
  readonly afterMs?: number;
}

interface Options {
  /** What it came from, for the plugin's own use. */
  cause?: unknown;
}

/** It did not work. */
export declare function failed(message: string, options?: Options): ToolError;
/** The arguments are not usable. Say which, and what would be. */
export declare function invalidArguments(message: string, options?: Options): ToolError;
/** The caller may not do this. */
export declare function denied(message: string, options?: Options): ToolError;
/** It did not work now and had no effect: running it again is safe and may help. */
export declare function retryable(message: string, options?: Options & { afterMs?: number }): ToolError;
/** The plugin itself is at fault: the client's program gets a protocol error instead of something its model reads. */
export declare function internal(message: string, options?: Options): ToolError;
/** There is nothing by that URI. */
export declare function notFound(): ToolError;
