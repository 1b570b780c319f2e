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
  writeFileSync(resolve(out), await prepared(project));
}

/** The component, its schemas used once before any call. If they cannot be, it is built without, since what else is wrong is wrong again. */
async function prepared(project) {
  const bundled = await bundle(project, true);
  try {
    return await build(project, bundled);
  } catch (error) {
    const component = await build(project, await bundle(project, false));
    console.error('the schemas cannot be used while the plugin is built, so each call pays for their first use:', error.message);
    return component;
  }
}

function build(project, { code, map, imports, usesFetch }) {
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
