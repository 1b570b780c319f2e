// What a call knows from its earlier rounds, and how it takes that along to the next.

import { internal } from './errors.js';

/** How much a plugin may keep from one round to the next (`input-need` in the contract). */
const STATE_BYTES_MAX = 16 << 10;

/** Another version of the SDK may write a state in another way; what it kept is then asked for again. */
const FORMAT = 1;

export class Rounds {
  #responses;
  #answers = new Map();
  #memories = new Map();

  constructor(resume) {
    this.#responses = resume?.responses ?? [];
    const kept = resume && read(resume.state);
    if (kept) {
      this.#answers = new Map(kept.answers);
      this.#memories = new Map(kept.memories);
    }
  }

  /** What may be the answer, as JSON text: the one that was used before, then the one that has just come. */
  candidates(key) {
    const kept = this.#answers.has(key) ? [this.#answers.get(key)] : [];
    const fresh = this.#responses.filter(([answered]) => answered === key).map(([, json]) => json);
    return [...kept, ...fresh];
  }

  keepAnswer(key, json) {
    this.#answers.set(key, json);
  }

  has(key) {
    return this.#memories.has(key);
  }

  memory(key) {
    return this.#memories.has(key) ? JSON.parse(this.#memories.get(key)) : undefined;
  }

  keepMemory(key, value) {
    // Nothing is remembered as `null`: JSON has no other word for it.
    this.#memories.set(key, JSON.stringify(value) ?? 'null');
  }

  /** Empty where nothing was kept. */
  state() {
    if (this.#answers.size + this.#memories.size === 0) return new Uint8Array();
    const kept = { format: FORMAT, answers: [...this.#answers], memories: [...this.#memories] };
    const state = new TextEncoder().encode(JSON.stringify(kept));
    if (state.length > STATE_BYTES_MAX) {
      throw internal(
        `the answers so far and what is to be remembered take ${state.length} bytes, and ${STATE_BYTES_MAX} can be kept for the next round`,
      );
    }
    return state;
  }
}

function read(state) {
  if (state.length === 0) return undefined;
  try {
    const kept = JSON.parse(new TextDecoder().decode(state));
    return kept.format === FORMAT ? kept : undefined;
  } catch {
    // Not ours: as good as none.
    return undefined;
  }
}
