// From one module to a component, with the engine that package.json asks for.

import { readFileSync } from 'node:fs';
import { BuildError } from './project.mjs';
import { withRealNames } from './standin.mjs';
import { WORLD } from './world.mjs';

const STARLINGMONKEY = '@bytecodealliance/componentize-js';
/** Which it needs and does not say. */
const SHIM = '@bytecodealliance/preview2-shim@0.17.9';

/** `usesFetch`: the plugin's code names it. */
export function componentize({ engine }, source, wit, usesFetch) {
  return engine === 'quickjs' ? quickjs(source, wit) : starlingmonkey(source, wit, usesFetch);
}

async function quickjs(source, wit) {
  const { componentize: convert } = await import('componentize-qjs');
  // The engine's WASI imports stay: stubs for them would define resources, which the host refuses (`own_resources`).
  const options = { witPath: wit, world: WORLD, jsSource: readFileSync(source, 'utf8'), jsPath: source, sync: true };
  try {
    const { component } = await convert(options);
    return withRealNames(component);
  } catch (error) {
    throw new BuildError(`the plugin cannot be built: ${error.message}`);
  }
}

async function starlingmonkey(source, wit, usesFetch) {
  const { componentize: convert } = await optional(STARLINGMONKEY, '0.23.0');
  try {
    const { component } = await convert({
      sourcePath: source,
      witPath: wit,
      worldName: WORLD,
      // What goes to the host's log goes there by `console`.
      disableFeatures: ['stdio', 'fetch-event', ...(usesFetch ? [] : ['http'])],
    });
    return component;
  } catch (error) {
    throw new BuildError(`the plugin cannot be built: ${error.message}`);
  }
}

/** A package that only some projects need: theirs to install. The SDK lies in the project, and so finds it. */
async function optional(name, version) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new BuildError(`the engine "starlingmonkey" needs another package; install it with: npm install --save-dev ${name}@${version} ${SHIM}`);
  }
}
