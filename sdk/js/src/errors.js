// Why a call gave no result.

const NOT_FOUND = 'there is nothing by that name';

/** An error for the caller's model: its message says what went wrong and what to do about it. */
export class ToolError extends Error {
  constructor(kind, message, options = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ToolError';
    this.kind = kind;
    if (options.afterMs !== undefined) this.afterMs = options.afterMs;
  }
}

const KINDS = new Set(['invalid-arguments', 'denied', 'retryable', 'failed', 'internal', 'not-found']);

/** Which kind of expected error this is, if it is one. Requests fail with errors of another class that have a kind, too. */
export const kindOf = (error) => (error instanceof Error && KINDS.has(error.kind) ? error.kind : undefined);

export const failed = (message, options) => new ToolError('failed', message, options);
export const invalidArguments = (message, options) => new ToolError('invalid-arguments', message, options);
export const denied = (message, options) => new ToolError('denied', message, options);
export const retryable = (message, options) => new ToolError('retryable', message, options);
export const internal = (message, options) => new ToolError('internal', message, options);
export const notFound = () => new ToolError('not-found', NOT_FOUND);

/** Leaves the function that asked. Nobody but the SDK catches it, and it counts even if somebody does. */
export class NeedInput extends Error {
  constructor(requests, state) {
    super('more input is needed');
    this.name = 'NeedInput';
    this.requests = requests;
    this.state = state;
  }
}
