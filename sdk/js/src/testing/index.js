// Testing a plugin without a host: `node --test` runs it natively, and this stands in for the host and its operator.

import { component } from '../component.js';
import { Context } from '../context.js';
import { internal } from '../errors.js';
import { DENIED, FetchError } from '../fetch-error.js';
import { Granted, granted, inTest, within } from './grants.js';

/** How often a plugin may ask, as the host has it. */
const ROUNDS_MAX = 32;

const CAPABILITIES = { elicitationForm: true, elicitationUrl: true, sampling: true, samplingTools: true, roots: true };

/**
 * A host for `plugin`, with nothing granted but what is said: `config`, `keyvalue` (`true`, or values by key), `fetch` (a function
 * that answers requests). `answers` says what comes of questions, by key; `context` changes what the plugin is told of the call.
 */
export function host(plugin, { answers = {}, context = {}, ...grants } = {}) {
  return new Host(plugin, new Granted(grants), answers, context);
}

class Host {
  #plugin;
  #granted;
  #answers;
  #context;

  constructor(plugin, grants, answers, context) {
    this.#plugin = plugin;
    this.#granted = grants;
    this.#answers = answers;
    this.#context = context;
    /** What was asked: `{key, tag, val}` each. */
    this.asked = [];
  }

  get logs() { return this.#granted.logs; }
  get progress() { return this.#granted.progress; }
  get changes() { return this.#granted.changes; }

  /** What is in the store, as text by key. */
  get stored() {
    return Object.fromEntries([...(this.#granted.values ?? [])].map(([key, value]) => [key, Buffer.from(value).toString()]));
  }

  /** The tools as the host learns of them, with their schemas as objects. */
  get tools() {
    const read = (text) => text && JSON.parse(text);
    return component(this.#plugin).tools.describe().map((tool) => ({
      ...tool, inputSchema: read(tool.inputSchema), outputSchema: read(tool.outputSchema), meta: read(tool.meta),
    }));
  }

  get resources() { return component(this.#plugin).resources.describe(); }
  get prompts() { return component(this.#plugin).prompts.describe(); }

  /** Calls a tool. What it throws is thrown. */
  async call(name, args = {}) {
    const result = await this.#run((context) => this.#plugin.call(name, JSON.stringify(args), context));
    const content = result.content.map((piece) => (typeof piece === 'string' ? { type: 'text', text: piece } : { ...piece }));
    const texts = content.filter(({ type }) => type === 'text').map(({ text }) => text);
    // What crosses to the host is JSON.
    const structured = result.structured === undefined ? undefined : JSON.parse(JSON.stringify(result.structured));
    return { content, structured, isError: result.isError, meta: result.meta, text: texts.join('\n') };
  }

  /** What is at `uri`. Throws where there is nothing. */
  async read(uri) {
    const contents = await this.#run((context) => this.#plugin.read(uri, context));
    return contents.map(({ body, ...others }) => ({ ...others, [body.tag]: body.val }));
  }

  /** All that the plugin lists. */
  async list() {
    const all = [];
    let cursor;
    do {
      const page = await this.#run((context) => this.#plugin.list(cursor, context));
      all.push(...page.resources);
      cursor = page.next;
    } while (cursor !== undefined);
    return all;
  }

  async prompt(name, args = {}) {
    const { messages, ...others } = await this.#run((context) => this.#plugin.prompt(name, Object.entries(args), context));
    return { ...others, messages: messages.map(({ role, content: { tag, val } }) => ({ role, content: { type: tag, ...val } })) };
  }

  /** Suggestions: `of` is `{prompt: name}` or `{uriTemplate: template}`. */
  complete({ prompt, uriTemplate }, argument, value, known = {}) {
    const reference = prompt === undefined ? { tag: 'resource-template', val: uriTemplate } : { tag: 'prompt', val: prompt };
    return this.#run((context) => this.#plugin.complete(reference, argument, value, Object.entries(known), context));
  }

  /** Runs `work` as often as it asks for something. */
  #run(work) {
    return within(this.#granted, async () => {
      let resume;
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const context = new Context(this.#told(), resume);
        const outcome = await settled(() => work(context));
        if (!context.need) return outcome();
        resume = this.#answered(context.need);
      }
      throw internal(`the plugin asked for input more than ${ROUNDS_MAX} times`);
    });
  }

  #told() {
    const { client, meta, ...others } = this.#context;
    return {
      tenant: 'default',
      subject: 'anonymous',
      scopes: [],
      deadlineMs: Date.now() + 30_000,
      attempt: 1,
      idempotencyKey: 'test',
      wantsProgress: true,
      ...others,
      client: { ...client, capabilities: { ...CAPABILITIES, ...client?.capabilities } },
      meta: meta && JSON.stringify(meta),
    };
  }

  #answered({ requests, state }) {
    const responses = [];
    for (const [key, request] of requests) {
      this.asked.push({ key, ...request });
      const said = typeof this.#answers === 'function' ? this.#answers(key, request) : this.#answers[key];
      if (said !== undefined) responses.push([key, JSON.stringify(said)]);
    }
    return { responses, state };
  }
}

/** Its result, to be had when it is known that the call did not ask for something. */
async function settled(work) {
  try {
    const value = await work();
    return () => value;
  } catch (error) {
    return () => { throw error; };
  }
}

/** The user fills the form in with this, or goes to the page. */
export const accept = (content) => ({ action: 'accept', content });
/** The user says no. */
export const decline = () => ({ action: 'decline' });
/** The user goes away without saying. */
export const cancel = () => ({ action: 'cancel' });
/** The client's model says this. */
export const sampled = (text) => ({ role: 'assistant', content: { type: 'text', text }, model: 'test', stopReason: 'endTurn' });
/** The client works in these folders. */
export const workingIn = (...uris) => ({ roots: uris.map((uri) => ({ uri })) });

const ownFetch = globalThis.fetch;

/** In a test's call, requests go to the test, and to nobody else. */
globalThis.fetch = async (input, init) => {
  const grants = granted();
  if (!inTest()) return ownFetch(input, init);
  if (!grants.fetch) throw new FetchError('denied', DENIED);
  return grants.fetch(new Request(input, init));
};
