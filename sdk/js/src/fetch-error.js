/** Why there is no response. `code` is a word to act on; uncaught, the message is what the model reads. */
export class FetchError extends TypeError {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'FetchError';
    this.code = code;
    this.kind = 'failed';
  }
}

export const DENIED = 'this address may not be reached from here';
