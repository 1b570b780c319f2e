import type { Bytes, Role } from './content.js';
import type { OutputOf, Schema } from './schema.js';

/** Something to ask, and what comes back. */
export declare class Question<Answer> {
  private constructor();
  private readonly answer: Answer;
}

/** What a user made of a form. */
export type FormAnswer<T> = { action: 'accept'; content: T } | { action: 'decline' } | { action: 'cancel' };
export interface Choice {
  action: 'accept' | 'decline' | 'cancel';
}

/** A form for the user: an object of strings, numbers, booleans and choices, without nesting. What is secret belongs on the page of a `url`. */
export declare function form<S extends Schema>(message: string, schema: S): Question<FormAnswer<OutputOf<S>>>;
/** A question with nothing to fill in. */
export declare function confirm(message: string): Question<Choice>;
/** A page for the user to open. That it was accepted says that the user went there, and not what came of it. */
export declare function url(message: string, address: string | URL): Question<Choice>;
/** The folders the client works in. A plugin cannot look into them. */
export declare function roots(): Question<Root[]>;
/** Something for the client's model. */
export declare function sampling(request: string | SamplingRequest): Question<Sampled>;

export interface Root {
  uri: string;
  name?: string;
}

export type SamplingContent =
  | { type: 'text'; text: string }
  | { type: 'image' | 'audio'; data: Bytes; mimeType: string }
  | ToolUse
  | { type: 'tool_result'; toolUseId: string; content: (string | SamplingContent)[]; isError?: boolean };

export interface ToolUse {
  type: 'tool_use';
  id: string;
  name: string;
  input: Record<string, any>;
}

export interface SamplingMessage {
  role: Role;
  content: string | SamplingContent | (string | SamplingContent)[];
}

export interface SamplingRequest {
  /** What the user says. Either this or `messages`. */
  prompt?: string | SamplingContent;
  messages?: SamplingMessage[];
  /** 1,000 if it is left out. */
  maxTokens?: number;
  systemPrompt?: string;
  temperature?: number;
  stopSequences?: string[];
  modelPreferences?: {
    hints?: { name: string }[];
    costPriority?: number;
    speedPriority?: number;
    intelligencePriority?: number;
  };
  /** Tools that the plugin runs for the model. */
  tools?: { name: string; description?: string; input: Schema }[];
  toolChoice?: { mode: 'auto' | 'required' | 'none' };
  metadata?: Record<string, unknown>;
}

export interface Sampled {
  role: Role;
  content: SamplingContent[];
  model: string;
  stopReason?: string;
  /** All of its text. */
  text: string;
  /** The tools that the model wants to use. */
  toolUses: ToolUse[];
}
