/** What the operator set for this plugin. Every setting needs a default, or an error of its own. */
export declare namespace config {
  function get(key: string): string | undefined;
  function all(): Record<string, string>;
  /** A setting as a number, with an error that names the key if it is none. */
  function number(key: string): number | undefined;
  function boolean(key: string): boolean | undefined;
}

/** Values that outlive a call. */
export declare namespace keyvalue {
  /** The plugin's store. Throws a `StoreError` where the operator granted none. */
  function open(name?: string): Store;

  class StoreError extends Error {
    readonly code: 'denied' | 'no-such-store' | 'failed' | 'unreadable';
  }

  interface Store {
    get(key: string): Uint8Array | undefined;
    getText(key: string): string | undefined;
    getJson<T = any>(key: string): T | undefined;
    set(key: string, value: string | Uint8Array): void;
    setJson(key: string, value: unknown): void;
    delete(key: string): void;
    exists(key: string): boolean;
    /** All keys in their order, or those that begin with `prefix`, fetched part by part. */
    keys(prefix?: string): Generator<string, void>;
    getMany(keys: string[]): (Uint8Array | undefined)[];
    setMany(pairs: Record<string, string | Uint8Array> | Iterable<[string, string | Uint8Array]>): void;
    deleteMany(keys: string[]): void;
    /** Adds to the number at `key`, which begins at 0, in one step. */
    increment(key: string, delta?: number): number;
    /** Sets `key` to what `change` makes of it, and asks it again if somebody else was faster. It has no other effect. */
    update(key: string, change: (old: Uint8Array | undefined) => string | Uint8Array): string | Uint8Array;
    updateJson<T>(key: string, change: (old: T | undefined) => T): T;
  }
}

/** The host's log, which clients may see. `console` writes there, too. */
export declare namespace log {
  type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical';
  /** Says `message`. `context` names the part of the plugin that speaks. */
  function write(level: Level, message: string, context?: string): void;
  function trace(...values: unknown[]): void;
  function debug(...values: unknown[]): void;
  function info(...values: unknown[]): void;
  function warn(...values: unknown[]): void;
  function error(...values: unknown[]): void;
  function critical(...values: unknown[]): void;
}
