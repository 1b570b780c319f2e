// Builds a plugin: `node build.mjs PROJECT OUT`. `toolyard build` runs this with the project's own Node.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { bundle } from './build/bundle.mjs';
import { componentize } from './build/componentize.mjs';
import { BuildError, readProject } from './build/project.mjs';
import { standinWit } from './build/standin.mjs';
import { writeWorld } from './build/world.mjs';

async function main([folder, out]) {
  if (!folder || !out) throw new BuildError('say what to build and where to: node build.mjs PROJECT OUT');
  const project = readProject(resolve(folder));
  mkdirSync(dirname(resolve(out)), { recursive: true });
  let component;
  try {
    component = await build(project, true);
  } catch {
    // A schema may ask something of the host, which is not there yet. What else is wrong is wrong again.
    component = await build(project, false);
  }
  writeFileSync(resolve(out), component);
}

async function build(project, prepared) {
  const { code, map, imports, usesFetch } = await bundle(project, prepared);
  const work = join(project.folder, '.toolyard', 'build');
  mkdirSync(work, { recursive: true });
  const source = join(work, 'plugin.js');
  writeFileSync(source, code);
  writeFileSync(`${source}.map`, map);
  const wit = writeWorld(work, imports, project.engine === 'quickjs' ? standinWit : (text) => text);
  return componentize(project, source, wit, usesFetch);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // What went wrong in the plugin is said as it stands; only what nobody thought of has a stack.
  console.error(error instanceof BuildError ? error.message : error);
  process.exitCode = 1;
}
