// A plugin: what it offers, checked when it is built, and how a call finds its way.

import { completion, NO_SUGGESTIONS } from './completion.js';
import { Content, json, result as toolResult, ToolResult } from './content.js';
import { failed, internal, invalidArguments, notFound } from './errors.js';
import { known } from './options.js';
import { prompt as definePrompt, promptArguments, promptResult } from './prompt.js';
import { listed, read, resource as defineResource, ResourceList } from './resource.js';
import { decoder, inputSchema, jsonSchema } from './schema.js';
import { after } from './settled.js';
import * as wire from './wire.js';

const NAME = /^[A-Za-z0-9_-]+$/;

const TOOL_OPTIONS = new Set([
  'name', 'title', 'description', 'input', 'output', 'readOnly', 'destructive', 'idempotent', 'openWorld', 'longRunning', 'icons', 'meta',
]);

/** A tool: what it is, and the function behind it. */
export function tool(about, run) {
  const whose = `the tool \`${about.name}\``;
  known(TOOL_OPTIONS, about, whose);
  if (!NAME.test(about.name ?? '')) throw new TypeError(`${whose}: a name is made of letters, digits, \`_\` and \`-\``);
  if (typeof run !== 'function') throw new TypeError(`${whose} has no function`);
  return { ...about, kind: 'tool', run, described: describe(about, whose), decode: decoder(about.input) };
}

export const resource = defineResource;
export const resourceList = (list) => new ResourceList(list);
export const prompt = definePrompt;

function describe(about, whose) {
  const { readOnly, destructive, idempotent, openWorld } = about;
  const hints = [readOnly, destructive, idempotent, openWorld];
  return {
    name: about.name,
    title: about.title,
    description: about.description,
    inputSchema: JSON.stringify(inputSchema(about.input, whose)),
    outputSchema: about.output === undefined ? undefined : JSON.stringify(jsonSchema(about.output, whose)),
    annotations: hints.some((hint) => hint !== undefined) ? { readOnly, destructive, idempotent, openWorld } : undefined,
    icons: wire.icons(about.icons),
    longRunning: about.longRunning ?? false,
    meta: json(about.meta),
  };
}

/** What a plugin offers, put together. */
export function plugin({ tools = [], resources = [], prompts = [], ...others }) {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TypeError(`a plugin has no \`${unknown}\`: it has tools, resources and prompts`);
  distinct(tools, 'tool');
  distinct(prompts, 'prompt');
  return new Plugin(tools, resources, prompts);
}

function distinct(parts, kind) {
  const names = new Set();
  for (const { kind: made, name } of parts) {
    if (made !== kind) throw new TypeError(`\`${kind}s\` holds what is no ${kind}: ${kind}() makes one`);
    if (names.has(name)) throw new TypeError(`there are two ${kind}s \`${name}\``);
    names.add(name);
  }
}

export class Plugin {
  #tools;

  constructor(tools, resources, prompts) {
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.tools = tools;
    this.resources = resources.filter((part) => !(part instanceof ResourceList));
    this.lists = resources.filter((part) => part instanceof ResourceList);
    this.prompts = prompts;
    this.prefixes = prefixes(this.resources);
  }

  /** Runs the tool `name`. `text` is a JSON object. Gives a promise only if the tool does, or its schema. */
  call(name, text, context) {
    const found = this.#tools.get(name);
    if (!found) throw internal(`the plugin has no tool \`${name}\``);
    const returned = after(found.decode(object(text)), (args) => found.run(args, context));
    return after(returned, (value) => answer(value, found));
  }

  list(cursor, context) {
    return listed(this.resources, this.lists, cursor, context);
  }

  async read(uri, context) {
    const found = await read(this.resources, uri, context);
    if (!found) throw notFound();
    return found;
  }

  prompt(name, pairs, context) {
    const found = this.prompts.find((prompt) => prompt.name === name);
    if (!found) throw internal(`the plugin has no prompt \`${name}\``);
    const returned = found.run(promptArguments(found.arguments, pairs), context);
    return after(returned, (value) => promptResult(value, name));
  }

  async complete({ tag, val }, argument, value, pairs, context) {
    const found = tag === 'prompt'
      ? this.prompts.find((prompt) => prompt.name === val)?.arguments?.[argument]?.complete
      : this.resources.find((resource) => resource.uriTemplate === val)?.complete?.[argument];
    return found ? completion(await found(value, Object.fromEntries(pairs), context)) : NO_SUGGESTIONS;
  }
}

/** What another one is the beginning of comes right after it, and says nothing more. */
function prefixes(resources) {
  const all = [...new Set(resources.map((resource) => resource.beginning))].sort();
  return all.filter((prefix, index) => !all.slice(0, index).some((shorter) => prefix.startsWith(shorter)));
}

function object(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArguments(`the arguments are no JSON: ${error.message}`);
  }
}

/** What a function gave back, as a whole result: text, content, data, or all of it at once. */
function answer(returned, { name, output }) {
  if (returned instanceof ToolResult) return returned;
  if (output !== undefined) return structured(returned, name);
  if (returned === undefined || returned === null) return toolResult({});
  if (typeof returned === 'string' || returned instanceof Content) return toolResult({ content: [returned] });
  if (Array.isArray(returned) && returned.length > 0 && returned.every((piece) => piece instanceof Content)) {
    return toolResult({ content: returned });
  }
  return structured(returned, name);
}

function structured(value, name) {
  const text = JSON.stringify(value);
  if (text === undefined) throw failed(`the tool \`${name}\` gave nothing back`);
  return toolResult({ content: [text], structured: value });
}
