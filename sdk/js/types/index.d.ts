import type { Annotations, Bytes, Content, Contents, Icon, ResourceEntry, Role, ToolResult } from './content.js';
import type { Context } from './context.js';
import type { Awaitable, InputOf, OutputOf, Schema } from './schema.js';

export * from './ask.js';
export * from './content.js';
export type { Capability, Context } from './context.js';
export * from './errors.js';
export * from './granted.js';
export type { Awaitable, JsonSchema, Schema, StandardSchema } from './schema.js';

interface Named {
  title?: string;
  /** For the model: what it does, when to use it, what it gives back. */
  description?: string;
  icons?: Icon[];
  meta?: Record<string, unknown>;
}

export interface ToolAbout<Input extends Schema | undefined, Output extends Schema | undefined> extends Named {
  /** Letters, digits, `_` and `-`. */
  name: string;
  /** The arguments: the schema of an object. */
  input?: Input;
  /** What comes back as structured content. */
  output?: Output;
  /** Changes nothing. */
  readOnly?: boolean;
  /** May delete or overwrite. */
  destructive?: boolean;
  /** Calling twice has the effect of calling once. The host may then run a call again that was lost. */
  idempotent?: boolean;
  /** Reaches things outside the host, such as the web. */
  openWorld?: boolean;
  /** Usually takes longer than a client likes to wait. */
  longRunning?: boolean;
}

/** Text, content, everything at once; or data, which becomes structured content. */
export type Returned<Output> = Output extends Schema ? InputOf<Output> | ToolResult : unknown;

type Arguments<Input> = Input extends Schema ? OutputOf<Input> : Record<string, never>;

export declare class Tool {
  private constructor();
  readonly name: string;
}

/** A tool: what it is, and the function behind it. */
export declare function tool<const Input extends Schema | undefined = undefined, const Output extends Schema | undefined = undefined>(
  about: ToolAbout<Input, Output>,
  run: (args: Arguments<Input>, context: Context) => Awaitable<Returned<Output>>,
): Tool;

/** What stands in the braces of a URI template. */
type Expressions<Template extends string> = Template extends `${string}{${infer Expression}}${infer Rest}` ? Expression | Expressions<Rest> : never;
type InPath<Expression extends string> = Expression extends `?${string}` ? never : Expression extends `+${infer Name}` ? Name : Expression;
type InQuery<Expression extends string> = Expression extends `?${infer List}` ? Split<List> : never;
type Split<List extends string> = List extends `${infer First},${infer Rest}` ? First | Split<Rest> : List;

/** The names in a URI template. */
type Names<Template extends string> = InPath<Expressions<Template>> | InQuery<Expressions<Template>>;

/** Names of a query may be missing. */
type Variables<Template extends string> = { [Name in InPath<Expressions<Template>>]: string } & {
  [Name in InQuery<Expressions<Template>>]?: string;
};

export type Complete = (value: string, known: Record<string, string>, context: Context) => Awaitable<Suggestions>;
export type Suggestions = string[] | { values: string[]; total?: number; hasMore?: boolean };

/** Those of `candidates` that begin with `value`, whatever their case. */
export declare function startingWith(value: string, candidates: Iterable<string>): string[];

interface ResourceAbout extends Named {
  mimeType?: string;
  annotations?: Annotations;
}

/** Text, bytes, `{text}` or `{blob}` with more about it, several of these, or data, which is said as JSON. Nothing: not found. */
export type Held = string | Bytes | Contents | Contents[] | object | undefined | null;

export declare class Resource {
  private constructor();
}

/** Something that can be read at a URI. */
export declare function resource(
  about: ResourceAbout & { uri: string; name: string; size?: number },
  read: (variables: {}, context: Context, uri: string) => Awaitable<Held>,
): Resource;
/** A family of such: the URIs that fit a template (`{name}`, `{+path}`, and `{?one,two}` at the end). */
export declare function resource<const Template extends string>(
  about: ResourceAbout & { uriTemplate: Template; name: string; complete?: { [Name in Names<Template>]?: Complete } },
  read: (variables: Variables<Template>, context: Context, uri: string) => Awaitable<Held>,
): Resource;
/** All URIs that begin with `prefix`. Clients see those that a `resourceList` tells of. */
export declare function resource(
  about: ResourceAbout & { prefix: string },
  read: (variables: {}, context: Context, uri: string) => Awaitable<Held>,
): Resource;

/** Lists resources that are known only when somebody asks; `cursor` is the `next` of an earlier page. */
export declare function resourceList(
  list: (context: Context, cursor: string | undefined) => Awaitable<ResourceEntry[] | { resources: ResourceEntry[]; next?: string }>,
): Resource;

export interface PromptArgument {
  title?: string;
  description?: string;
  /** True if it is left out. */
  required?: boolean;
  /** What its text is read as; `'string'` if it is left out. */
  type?: 'string' | 'number' | 'integer' | 'boolean';
  complete?: Complete;
}

type ValueOf<Argument> = Argument extends { type: 'number' | 'integer' } ? number : Argument extends { type: 'boolean' } ? boolean : string;

type Filled<Arguments> = {
  [Name in keyof Arguments as Arguments[Name] extends { required: false } ? never : Name]: ValueOf<Arguments[Name]>;
} & { [Name in keyof Arguments as Arguments[Name] extends { required: false } ? Name : never]?: ValueOf<Arguments[Name]> };

export type PromptMessage = string | Content | { role?: Role; content: string | Content };

export declare class Prompt {
  private constructor();
  readonly name: string;
}

/** A prompt: messages a user can begin with. */
export declare function prompt<const Arguments extends Record<string, PromptArgument> = {}>(
  about: Named & { name: string; arguments?: Arguments & Record<string, PromptArgument> },
  run: (
    args: Filled<Arguments>,
    context: Context,
  ) => Awaitable<PromptMessage | PromptMessage[] | { description?: string; messages: PromptMessage[]; meta?: Record<string, unknown> }>,
): Prompt;

export declare class Plugin {
  private constructor();
}

/** What a plugin offers. The file named as `main` in package.json has it as its `export default`. */
export declare function plugin(parts: { tools?: Tool[]; resources?: Resource[]; prompts?: Prompt[] }): Plugin;
