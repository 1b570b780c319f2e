// Schemas: those of a library that says itself as JSON Schema (https://standardschema.dev), or JSON Schema itself.

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** A JSON Schema (2020-12) as an object. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly [keyword: string]: unknown;
}

export type Schema = StandardSchema<any, any> | JsonSchema;

/** What a function is given for a schema. */
export type OutputOf<S> = S extends StandardSchema<any, infer Output> ? Output : any;

/** What a function gives back for a schema. */
export type InputOf<S> = S extends StandardSchema<infer Input, any> ? Input : unknown;

export type Awaitable<T> = T | Promise<T>;
