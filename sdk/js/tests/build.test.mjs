// The steps of a build.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../build/bundle.mjs';
import { readProject } from '../build/project.mjs';
import { standin, standinWit, withRealNames } from '../build/standin.mjs';

/** Does `work` with the folder of a project of these files. */
async function inProject(files, manifest, work) {
  const folder = mkdtempSync(join(tmpdir(), 'toolyard-js-'));
  try {
    for (const [name, content] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const built = (files, manifest = {}) => inProject(files, manifest, (folder) => bundle(readProject(folder), true));

const plugin = (body, imports = '') =>
  `import { plugin, tool${imports} } from '@toolyard/plugin';\nexport default plugin({ tools: [tool({ name: 'one' }, async () => ${body})] });`;

test('a bundle imports what its code uses', async () => {
  const plain = await built({ 'plugin.js': plugin("'x'") });
  assert.ok(!plain.imports.some((name) => /keyvalue|http|config|io|clocks/.test(name.split('/')[0])), plain.imports.join());
  const using = await built({ 'src/plugin.ts': plugin("[keyvalue.open(), await fetch('https://x' as string)]", ', keyvalue') });
  assert.ok(using.imports.includes('wasi:keyvalue/store@0.2.0-draft2'));
  assert.ok(using.imports.includes('host:http/types@0.2.11'));
  assert.ok(!/\basync (function|\()|\bawait /.test(using.code));
});

test('a map leads from the bundle to the sources', async () => {
  const { code, map } = await built({ 'src/plugin.ts': plugin("'x'") });
  const { version, sources, mappings, sourcesContent } = JSON.parse(map);
  assert.deepEqual([version, sourcesContent], [3, undefined]);
  assert.ok(sources.includes('../../src/plugin.ts'), sources.join());
  assert.ok(mappings.split(';').length <= code.split('\n').length);
  assert.ok(!code.includes('sourceMappingURL'));
});

test('StarlingMonkey keeps what it has itself', async () => {
  const manifest = { toolyard: { engine: 'starlingmonkey' } };
  const { code, imports, usesFetch } = await built({ 'plugin.js': plugin("(await fetch('https://x')).ok") }, manifest);
  assert.ok(usesFetch && /async/.test(code) && !imports.some((name) => name.includes('http')));
  assert.equal((await built({ 'plugin.js': plugin("'x'") }, manifest)).usesFetch, false);
});

test('what is wrong in a source is said with its place', async () => {
  await assert.rejects(built({ 'plugin.js': 'export default (' }), { message: /^plugin\.js:1:17: / });
  await assert.rejects(built({ 'plugin.js': "import 'node:fs';" }), { message: /"node:fs" is a module of Node/ });
  await assert.rejects(built({ 'plugin.js': 'export const a = await 1;' }), { message: /^plugin\.js:1:18: there is no `await` outside of functions/ });
  await assert.rejects(built({ 'plugin.js': "import 'nothing';" }), { message: /nothing/ });
});

test('a schema that cannot be used while the plugin is built is not', async () => {
  const plugin = (validate) => `
    import { config, plugin, tool } from '@toolyard/plugin';
    const json = () => ({ type: 'object', properties: {} });
    const input = { '~standard': { version: 1, vendor: 'x', validate: ${validate}, jsonSchema: { input: json } } };
    export default plugin({ tools: [tool({ name: 'one', input }, ({ at }) => at)] });
  `;
  const cases = [
    ['(value) => ({ value })', ''],
    ["(value) => ({ value: { ...value, at: config.get('at') } })", 'cannot be used'],
    ['async (value) => ({ value })', '`one` waits'],
  ];
  for (const [validate, said] of cases) {
    await inProject({ 'plugin.js': plugin(validate) }, {}, (folder) => {
      const out = join(folder, 'out.wasm');
      const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '..', 'build.mjs'), folder, out], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.ok(said ? stderr.includes(said) : stderr === '', stderr);
      assert.equal(readFileSync(out).readUInt32BE(), 0x0061736d);
    });
  }
});

test('what is wrong in package.json is said with its key', async () => {
  const cases = [
    [{ toolyard: { engine: 'v8' } }, /"v8"/],
    [{ toolyard: { motor: 1 } }, /no "motor"/],
    [{ main: 'none.js' }, /"main" is "none.js"/],
    [{}, /there is no plugin/],
  ];
  for (const [manifest, message] of cases) await assert.rejects(built({}, manifest), { message });
});

test('stand-in names come and go', () => {
  assert.equal(standin('wasi:http/types@0.2.12'), 'host:http/types@0.2.11');
  assert.equal(standin('wasi:random/random@0.2.12'), 'wasi:random/random@0.2.12');
  assert.equal(standinWit('use wasi:io/poll@0.2.12.{pollable};'), 'use host:io/poll@0.2.11.{pollable};');
  // A component with a section of imports (10), and another (4) in which nothing is to be changed.
  const header = Buffer.from('\0asm\x0d\0\x01\0', 'latin1');
  const section = (id, text) => Buffer.concat([Buffer.from([id, text.length]), Buffer.from(text)]);
  const renamed = withRealNames(Buffer.concat([header, section(10, 'host:io/poll host:x'), section(4, 'host:y')]));
  assert.deepEqual(renamed, Buffer.concat([header, section(10, 'wasi:io/poll wasi:x'), section(4, 'host:y')]));
});
