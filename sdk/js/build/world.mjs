// The world of one plugin: all exports of the contract, and the imports that its code has.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside the SDK, in the repository as in a project's `.toolyard`. */
const WIT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'wit');

export const WORLD = 'built';

/** Writes the contract with that world into the folder `work`, each file as `changed` has it, and gives its path. */
export function writeWorld(work, imports, changed) {
  const folder = join(work, 'wit');
  rmSync(folder, { recursive: true, force: true });
  cpSync(WIT, folder, { recursive: true });
  for (const entry of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.wit'))) {
    const file = join(folder, entry);
    writeFileSync(file, changed(readFileSync(file, 'utf8')));
  }
  const lines = imports.map((name) => `    import ${name.replace(/^toolyard:plugin\/(.*)@.*$/, '$1')};`);
  const exports = ['tools', 'resources', 'prompts', 'completions'].map((name) => `    export ${name};`);
  writeFileSync(join(folder, `${WORLD}.wit`), `world ${WORLD} {\n${[...lines, ...exports].join('\n')}\n}\n`);
  return folder;
}
