// Prompts: messages a user can begin with.

import { Content, json } from './content.js';
import { invalidArguments } from './errors.js';
import { known } from './options.js';
import * as wire from './wire.js';

/** What the text of an argument may be read as. `undefined`: it is none. */
const READ = {
  string: (text) => text,
  number: (text) => (text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)),
  integer: (text) => (/^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined),
  boolean: (text) => ({ true: true, false: false })[text],
};

const OPTIONS = new Set(['name', 'title', 'description', 'arguments', 'icons', 'meta']);

/** A prompt: what it is, and the function that fills it in. */
export function prompt(about, run) {
  const whose = `the prompt \`${about.name}\``;
  known(OPTIONS, about, whose);
  if (typeof run !== 'function') throw new TypeError(`${whose} has no function`);
  for (const [argument, { type = 'string' }] of Object.entries(about.arguments ?? {})) {
    if (!Object.hasOwn(READ, type)) throw new TypeError(`${whose}: \`${argument}\` is no \`${type}\`: arguments are ${Object.keys(READ).join(', ')}`);
  }
  const { name, title, description } = about;
  const args = Object.entries(about.arguments ?? {}).map(([argument, { title: label, description: help, required = true }]) => ({
    name: argument, title: label, description: help, required,
  }));
  const described = { name, title, description, arguments: args, icons: wire.icons(about.icons), meta: json(about.meta) };
  return { ...about, kind: 'prompt', run, described };
}

/** Arguments as the function wants them: clients send text. */
export function promptArguments(described = {}, pairs) {
  const read = ([name, text]) => {
    const type = described[name]?.type ?? 'string';
    const value = READ[type](text);
    if (value === undefined) throw invalidArguments(`\`${name}\` is no ${type}`);
    return [name, value];
  };
  return Object.fromEntries(pairs.map(read));
}

/** What a function may give back: text, content, messages `{role, content}`, or `{description, messages, meta}`. */
export function promptResult(returned, name) {
  if (returned === undefined || returned === null) throw new TypeError(`the prompt \`${name}\` gave nothing back`);
  const { description, messages, meta } = returned.messages ? returned : { messages: [returned].flat() };
  return { description, messages: messages.map(message), meta: json(meta) };
}

function message(said) {
  if (typeof said === 'string' || said instanceof Content) return { role: 'user', content: wire.content(said) };
  return { role: said.role ?? 'user', content: wire.content(said.content) };
}
