// What a tool is told about the call it serves, and what it can say and ask meanwhile.

import * as changes from '#host/changes';
import * as progress from '#host/progress';
import { NeedInput } from './errors.js';
import * as log from './log.js';
import * as questions from './questions.js';
import { Rounds } from './rounds.js';

/** Something to ask in place of what the client cannot be asked: the host then says what the client lacks. */
const ASKS = {
  elicitationForm: () => questions.confirm(''),
  elicitationUrl: () => questions.url('', 'https://example.com/'),
  sampling: () => questions.sampling(''),
  samplingTools: () => questions.sampling({ prompt: '', toolChoice: { mode: 'none' } }),
  roots: () => questions.roots(),
};

export class Context {
  #call;
  #resume;
  #known;

  constructor(call, resume) {
    this.#call = call;
    this.#resume = resume ?? undefined;
    /** Set once something was asked: the call ends with it, whatever the function makes of it. */
    this.need = undefined;
  }

  /** What is known from earlier rounds. Most calls have none and ask nothing. */
  get #rounds() { return (this.#known ??= new Rounds(this.#resume)); }

  get tenant() { return this.#call.tenant; }
  get subject() { return this.#call.subject; }
  get scopes() { return this.#call.scopes; }
  get attempt() { return this.#call.attempt; }
  get idempotencyKey() { return this.#call.idempotencyKey; }
  get wantsProgress() { return this.#call.wantsProgress; }
  get trace() { return this.#call.trace ?? undefined; }

  get client() {
    const { name, version, capabilities } = this.#call.client;
    return { name: name ?? undefined, version: version ?? undefined, capabilities };
  }

  /** What the client put into the request's `_meta`. */
  get meta() {
    return this.#call.meta ? JSON.parse(this.#call.meta) : {};
  }

  /** When the host will stop this call, in milliseconds since 1970. */
  get deadlineMs() { return Number(this.#call.deadlineMs); }

  /** How many milliseconds this call may still take. */
  timeLeftMs() {
    return Math.max(0, this.deadlineMs - Date.now());
  }

  hasScope(scope) {
    return this.scopes.includes(scope);
  }

  /** Tells the caller that `done` of `total` is done. Never waits, never fails, and costs nothing when nobody listens. */
  progress(done, total, message) {
    if (this.wantsProgress) progress.report(done, total, message);
  }

  toolsChanged() { changes.listChanged('tools'); }
  promptsChanged() { changes.listChanged('prompts'); }
  resourcesChanged() { changes.listChanged('resources'); }
  resourceUpdated(uri) { changes.resourceUpdated(String(uri)); }

  /** Asks one question. `key` is its name within the call. */
  async ask(key, question) {
    const answers = await this.askAll({ [key]: question });
    return answers[key];
  }

  /** Asks several questions in one round: an object of questions, of which those that are `undefined` are not asked. */
  async askAll(asked) {
    const answers = {};
    const missing = [];
    for (const [key, question] of Object.entries(asked)) {
      if (question === undefined || question === null) continue;
      if (!questions.isQuestion(question)) throw new TypeError(`\`${key}\` is no question: form(), confirm(), url(), sampling() and roots() make one`);
      const found = await this.#find(key, question);
      if (found) answers[key] = found.answer;
      else missing.push([key, question.request]);
    }
    if (missing.length > 0) this.#leave(missing);
    return answers;
  }

  sample(key, request) {
    return this.ask(key, questions.sampling(request));
  }

  roots(key) {
    return this.ask(key, questions.roots());
  }

  /** Whether the client can be asked all of this. */
  clientCan(...capabilities) {
    return capabilities.every((capability) => this.#call.client.capabilities[capability]);
  }

  /** Ends the call unless the client can be asked all of this. The client is told what it lacks. */
  require(...capabilities) {
    const missing = capabilities.filter((capability) => !this.clientCan(capability));
    if (missing.length > 0) this.#leave(missing.map((capability) => [capability, ASKS[capability]().request]));
  }

  /** Keeps a value for the later rounds of this call. */
  remember(key, value) {
    this.#rounds.keepMemory(key, value);
  }

  /** What was kept under this key, in this round or an earlier one. */
  recall(key) {
    return this.#rounds.memory(key);
  }

  /** Does something in one round only, and remembers what came out of it for the later ones. */
  async once(key, work) {
    if (this.#rounds.has(key)) return this.recall(key);
    const value = await work();
    this.remember(key, value);
    return value;
  }

  async #find(key, question) {
    for (const json of this.#rounds.candidates(key)) {
      try {
        const answer = await question.read(JSON.parse(json));
        this.#rounds.keepAnswer(key, json);
        return { answer };
      } catch (error) {
        log.warn(`the answer to \`${key}\` does not fit and is asked for again: ${error.message}`);
      }
    }
    return undefined;
  }

  #leave(requests) {
    this.need = new NeedInput(requests, this.#rounds.state());
    throw this.need;
  }
}
