import type { Question, Root, Sampled, SamplingRequest } from './ask.js';
import type { Awaitable } from './schema.js';

export type Capability = 'elicitationForm' | 'elicitationUrl' | 'sampling' | 'samplingTools' | 'roots';

type AnswerOf<Q> = Q extends Question<infer Answer> ? Answer : undefined;

/** The call that is being served. */
export interface Context {
  /** Whose plugin this is; `default` on a host without tenants. */
  readonly tenant: string;
  /** The caller, under a name that means nothing elsewhere. */
  readonly subject: string;
  readonly scopes: string[];
  /** Who sent the call, by its own words. */
  readonly client: { name?: string; version?: string; capabilities: Record<Capability, boolean> };
  /** When the host will stop this call, in milliseconds since 1970. */
  readonly deadlineMs: number;
  /** 1 for the first run of this call. */
  readonly attempt: number;
  /** The same over all rounds and retries of one call, and never the same for two. */
  readonly idempotencyKey: string;
  readonly wantsProgress: boolean;
  /** Where the call stands in a distributed trace. */
  readonly trace?: { traceparent: string; tracestate?: string; baggage?: string };
  /** What the client put into the request's `_meta`. */
  readonly meta: Record<string, unknown>;

  timeLeftMs(): number;
  hasScope(scope: string): boolean;

  /** Tells the caller that `done` of `total` is done. Costs nothing when nobody listens. */
  progress(done: number, total?: number, message?: string): void;
  toolsChanged(): void;
  promptsChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(uri: string | URL): void;

  /**
   * Asks, under a name of the question's own. The call ends here while there is no answer, and the function is run **again from
   * its start** when there is one: what has an effect belongs behind the last question, and costly work into `once`.
   */
  ask<Answer>(key: string, question: Question<Answer>): Promise<Answer>;
  /** Asks several questions in one round. Those that are `undefined` are not asked. */
  askAll<Asked extends Record<string, Question<any> | undefined>>(questions: Asked): Promise<{ [Key in keyof Asked]: AnswerOf<Asked[Key]> }>;
  /** Asks the client's model. */
  sample(key: string, request: string | SamplingRequest): Promise<Sampled>;
  /** Asks for the folders the client works in. */
  roots(key: string): Promise<Root[]>;
  /** Whether the client can be asked all of this. */
  clientCan(...capabilities: Capability[]): boolean;
  /** Ends the call unless the client can be asked all of this. */
  require(...capabilities: Capability[]): void;

  /** Keeps a value, which is JSON, for the later rounds of this call. */
  remember(key: string, value: unknown): void;
  recall<T>(key: string): T | undefined;
  /** Does something in one round only, and remembers what came out of it for the later ones. */
  once<T>(key: string, work: () => Awaitable<T>): Promise<T>;
}
