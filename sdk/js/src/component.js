// A plugin as the contract's exports (wit/plugin.wit). The build's entry exports what this gives.

import { run } from '#engine';
import { json } from './content.js';
import { Context } from './context.js';
import { kindOf } from './errors.js';
import * as log from './log.js';
import { Plugin } from './plugin.js';
import { after } from './settled.js';
import * as wire from './wire.js';

const FAILED = 'the plugin failed inside; the host\'s log says where';

export function component(plugin) {
  if (!(plugin instanceof Plugin)) throw new TypeError('the plugin\'s main file has no `export default plugin({...})`');
  return { tools: tools(plugin), resources: resources(plugin), prompts: prompts(plugin), completions: completions(plugin) };
}

function tools(plugin) {
  const described = plugin.tools.map((tool) => tool.described);
  return {
    describe: () => described,
    call: (name, args, call, resume) =>
      serve(call, resume, (context) => after(plugin.call(name, args, context), (result) => complete(outcome(result)))),
  };
}

function outcome({ content, structured, isError, meta }) {
  return { content: content.map(wire.content), structured: structured === undefined ? undefined : JSON.stringify(structured), isError, meta: json(meta) };
}

function resources(plugin) {
  const templates = plugin.resources.filter(({ uriTemplate }) => uriTemplate !== undefined).map(wire.template);
  return {
    describe: () => ({ prefixes: plugin.prefixes, templates }),
    list: (cursor, call) => serve(call, undefined, (context) => plugin.list(cursor ?? undefined, context)),
    read: (uri, call, resume) =>
      serve(call, resume, (context) => after(plugin.read(uri, context), complete), { 'not-found': { tag: 'not-found' } }),
  };
}

function prompts(plugin) {
  const described = plugin.prompts.map((prompt) => prompt.described);
  return {
    describe: () => described,
    get: (name, pairs, call, resume) =>
      serve(call, resume, (context) => after(plugin.prompt(name, pairs, context), complete)),
  };
}

function completions(plugin) {
  return {
    complete: (reference, argument, value, pairs, call) =>
      serve(call, undefined, (context) => plugin.complete(reference, argument, value, pairs, context)),
  };
}

const complete = (val) => ({ tag: 'complete', val });

/** Runs `work`, and turns what it throws into what the contract has for it. `instead`: errors that are answers here. */
function serve(call, resume, work, instead = {}) {
  const context = new Context(call, resume);
  const done = (answer) => (context.need ? need(context.need) : answer);
  const failed = (error) => {
    if (context.need) return need(context.need);
    if (instead[kindOf(error)]) return instead[kindOf(error)];
    throw thrown(error);
  };
  return run(() => work(context), done, failed);
}

const need = ({ requests, state }) => ({ tag: 'need-input', val: { requests, state } });

/** The error as the contract has it. Nobody but the log learns of what nobody thought of. */
export function thrown(error) {
  if (kindOf(error)) return wire.error(error);
  log.error(error);
  return { tag: 'internal', val: FAILED };
}
