// What a project's package.json says that matters here.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Something the plugin's author can do something about: one sentence, or what a tool said of the source. */
export class BuildError extends Error {}

const ENGINES = ['quickjs', 'starlingmonkey'];
const MAINS = ['src/plugin.ts', 'src/plugin.js', 'plugin.ts', 'plugin.js', 'src/index.ts', 'src/index.js', 'index.ts', 'index.js'];

export function readProject(folder) {
  const manifest = readManifest(join(folder, 'package.json'));
  const { engine = 'quickjs', ...others } = manifest.toolyard ?? {};
  const [unknown] = Object.keys(others);
  if (unknown) throw new BuildError(`package.json: "toolyard" has no "${unknown}"; it may have "engine"`);
  if (!ENGINES.includes(engine)) {
    throw new BuildError(`package.json: "toolyard": {"engine": "${engine}"} is unknown; there are ${ENGINES.join(' and ')}`);
  }
  return { folder, engine, main: join(folder, main(folder, manifest)) };
}

function readManifest(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new BuildError(`${file} cannot be read: ${error.message}`);
  }
}

function main(folder, manifest) {
  const said = manifest.main;
  if (said && !existsSync(join(folder, said))) throw new BuildError(`package.json: "main" is "${said}", and there is no such file`);
  const found = said ?? MAINS.find((name) => existsSync(join(folder, name)));
  if (!found) throw new BuildError('there is no plugin: name its file as "main" in package.json, such as "src/plugin.ts"');
  return found;
}
