// What a test grants, and what the plugin told the host meanwhile: for all that the test's calls do.

import { AsyncLocalStorage } from 'node:async_hooks';

export class Granted {
  constructor({ config = {}, keyvalue, fetch } = {}) {
    this.config = { ...config };
    const values = keyvalue === true ? {} : keyvalue;
    /** Bytes by key; nothing where no store is granted. */
    this.values = values && new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]));
    this.fetch = fetch;
    this.logs = [];
    this.progress = [];
    this.changes = [];
  }
}

const storage = new AsyncLocalStorage();
const nothing = new Granted();

export const granted = () => storage.getStore() ?? nothing;
export const inTest = () => storage.getStore() !== undefined;
export const within = (grants, work) => storage.run(grants, work);
