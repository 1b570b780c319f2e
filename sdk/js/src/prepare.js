// What libraries do when a schema is first used, done before the component is written: it is a snapshot, and every call a first one.

import { kindOf } from './errors.js';
import { isPromise } from './settled.js';

/**
 * Has the schemas of `tools` prepare themselves, by arguments that most of them refuse. No tool's function runs. Throws where a schema
 * fails in another way, or waits for something: what it began would go on in every call.
 */
export function prepare({ tools }) {
  for (const { name, decode } of tools) {
    let decoded;
    try {
      decoded = decode({});
    } catch (error) {
      if (kindOf(error) !== 'invalid-arguments') throw error;
    }
    if (isPromise(decoded)) throw new Error(`the schema of \`${name}\` waits for something`);
  }
}
