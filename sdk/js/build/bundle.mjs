// From a plugin's source to one module whose imports are the host's interfaces that it really uses.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BuildError } from './project.mjs';
import { standin } from './standin.mjs';

const SDK = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What the host offers is imported under its name in WIT, such as `wasi:config/store@0.2.0-rc.1`. */
const HOST = /^(wasi|toolyard|host):/;

/** What is in a bundle if the plugin's code names `fetch`. */
const FETCH = /starlingmonkey\/fetch\.js$/;

/**
 * Per engine. QuickJS runs no jobs of its own promises in synchronous exports, so `async` functions become generators over
 * promises that the SDK runs (src/quickjs/promise.js).
 */
const ENGINES = {
  quickjs: {
    target: 'es2022',
    supported: { 'async-await': false, 'async-generator': false, 'for-await': false },
    inject: [join(SDK, 'src/quickjs/globals.js')],
  },
  starlingmonkey: { target: 'es2022', inject: [join(SDK, 'src/starlingmonkey/globals.js')] },
};

/** `prepared`: its schemas are used once before any call (src/prepare.js). */
export async function bundle({ folder, engine, main }, prepared) {
  const entry = `
    import ${JSON.stringify(join(SDK, 'src', engine, 'prelude.js'))};
    import plugin from ${JSON.stringify(main)};
    import { component } from ${JSON.stringify(join(SDK, 'src/component.js'))};
    import { prepare } from ${JSON.stringify(join(SDK, 'src/prepare.js'))};
    export const { tools, resources, prompts, completions } = component(plugin);
    ${prepared ? 'prepare(plugin);' : ''}
  `;
  const result = await run({
    ...ENGINES[engine],
    stdin: { contents: entry, resolveDir: folder, sourcefile: 'toolyard-entry.js' },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    metafile: true,
    // For `toolyard dev`, which names places in the sources. No component carries it.
    outfile: join(folder, '.toolyard/build/plugin.js'),
    sourcemap: 'external',
    sourcesContent: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['toolyard', `toolyard-${engine}`, 'import', 'module', 'worker'],
    // One copy of the SDK, wherever the plugin and its libraries find it.
    alias: { '@toolyard/plugin': join(SDK, 'src/index.js') },
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    legalComments: 'none',
    minifySyntax: true,
    charset: 'utf8',
    logLevel: 'silent',
    plugins: [hostInterfaces(engine === 'quickjs' ? standin : (name) => name)],
  });
  const [, output] = Object.entries(result.metafile.outputs).find(([path]) => path.endsWith('.js'));
  const written = (ending) => result.outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const imports = new Set(output.imports.map(({ path }) => path).filter((path) => HOST.test(path)));
  const usesFetch = Object.entries(output.inputs).some(([path, { bytesInOutput }]) => FETCH.test(path) && bytesInOutput > 0);
  return { code: written('.js'), map: written('.js.map'), imports: [...imports].sort(), usesFetch };
}

const hostInterfaces = (renamed) => ({
  name: 'host-interfaces',
  setup(building) {
    building.onResolve({ filter: HOST }, ({ path }) => ({ path: renamed(path), external: true, sideEffects: false }));
    building.onResolve({ filter: /^node:/ }, ({ path }) => ({
      errors: [{ text: `"${path}" is a module of Node; a plugin has the host's interfaces and the web's functions instead` }],
    }));
  },
});

async function run(options) {
  try {
    return await build(options);
  } catch (error) {
    if (!error.errors) throw error;
    throw new BuildError(error.errors.map(said).join('\n'));
  }
}

function said({ text, location }) {
  const plain = text.startsWith('Top-level await') ? 'there is no `await` outside of functions in QuickJS; move it into the function that needs it' : text;
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${plain}` : plain;
}
