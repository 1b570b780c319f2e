// From one module to a component, with the engine that package.json asks for.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BuildError } from './project.mjs';
import { withRealNames } from './standin.mjs';
import { WORLD } from './world.mjs';

const STARLINGMONKEY = '@bytecodealliance/componentize-js';

export function componentize(project, source, wit) {
  return project.engine === 'quickjs' ? quickjs(source, wit) : starlingmonkey(project, source, wit);
}

async function quickjs(source, wit) {
  const { componentize: convert } = await import('componentize-qjs');
  // The engine's WASI imports stay: stubs for them would define resources, which the host refuses (`own_resources`).
  const options = { witPath: wit, world: WORLD, jsSource: readFileSync(source, 'utf8'), jsPath: source, sync: true, optSize: true };
  try {
    const { component } = await convert(options);
    return withRealNames(component);
  } catch (error) {
    throw new BuildError(`the plugin cannot be built: ${error.message}`);
  }
}

async function starlingmonkey(project, source, wit) {
  const { componentize: convert } = await optional(project, STARLINGMONKEY);
  try {
    const { component } = await convert({
      sourcePath: source,
      witPath: wit,
      worldName: WORLD,
      disableFeatures: ['stdio', 'fetch-event'],
    });
    return component;
  } catch (error) {
    throw new BuildError(`the plugin cannot be built: ${error.message}`);
  }
}

/** A package that only some projects need: theirs to install. */
async function optional({ folder }, name) {
  try {
    const resolved = createRequire(join(folder, 'package.json')).resolve(name);
    return await import(pathToFileURL(resolved).href);
  } catch (error) {
    throw new BuildError(`the engine "starlingmonkey" needs a package; install it: npm install --save-dev ${name}@0.23.0 (${error.code ?? error.message})`);
  }
}
