import type { Role } from './content.js';
import type { Capability } from './context.js';
import type { Plugin } from './index.js';

export interface Grants {
  /** Settings, and secrets that the plugin may read. */
  config?: Record<string, string>;
  /** A store: `true`, or what is in it. */
  keyvalue?: true | Record<string, string | Uint8Array>;
  /** Answers requests. For those that would not be granted, leave it out. */
  fetch?: (request: Request) => Response | Promise<Response>;
  /** What comes of questions, by key. */
  answers?: Record<string, unknown> | ((key: string, request: { tag: string; val: any }) => unknown);
  /** What is otherwise than in a call of nobody in particular. */
  context?: {
    tenant?: string;
    subject?: string;
    scopes?: string[];
    client?: { name?: string; version?: string; capabilities?: Partial<Record<Capability, boolean>> };
    deadlineMs?: number;
    attempt?: number;
    idempotencyKey?: string;
    wantsProgress?: boolean;
    trace?: { traceparent: string; tracestate?: string; baggage?: string };
    meta?: Record<string, unknown>;
  };
}

export interface CallResult {
  /** All of the text. */
  text: string;
  structured: any;
  content: any[];
  isError: boolean;
  meta?: Record<string, unknown>;
}

export interface Host {
  /** Calls a tool. What it throws is thrown. */
  call(name: string, args?: Record<string, unknown>): Promise<CallResult>;
  /** What is at `uri`. Throws where there is nothing. */
  read(uri: string): Promise<{ uri: string; mimeType?: string; text?: string; blob?: Uint8Array }[]>;
  /** All that the plugin lists. */
  list(): Promise<{ uri: string; name: string; mimeType?: string }[]>;
  prompt(name: string, args?: Record<string, string>): Promise<{ description?: string; messages: { role: Role; content: any }[] }>;
  complete(
    of: { prompt: string } | { uriTemplate: string },
    argument: string,
    value: string,
    known?: Record<string, string>,
  ): Promise<{ values: string[]; total?: number; hasMore: boolean }>;

  /** As the host learns of them. */
  readonly tools: any[];
  readonly resources: { prefixes: string[]; templates: any[] };
  readonly prompts: any[];

  /** What the plugin told the host. */
  readonly logs: { level: string; context: string; message: string }[];
  readonly progress: { done: number; total?: number; message?: string }[];
  readonly changes: ({ list: 'tools' | 'prompts' | 'resources' } | { resource: string })[];
  /** What was asked. */
  readonly asked: { key: string; tag: string; val: any }[];
  /** What is in the store, as text. */
  readonly stored: Record<string, string>;
}

/** A host for `plugin`, with nothing granted but what is said. */
export declare function host(plugin: Plugin, grants?: Grants): Host;

/** The user fills the form in with this, or goes to the page. */
export declare function accept(content?: object): unknown;
/** The user says no. */
export declare function decline(): unknown;
/** The user goes away without saying. */
export declare function cancel(): unknown;
/** The client's model says this. */
export declare function sampled(text: string): unknown;
/** The client works in these folders. */
export declare function workingIn(...uris: string[]): unknown;
