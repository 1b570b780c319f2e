// Plugins as the host sees them: what they describe, and what comes of calls.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audio, config, confirm, denied, embedded, failed, form, image, internal, invalidArguments, keyvalue, log, notFound, plugin, prompt,
  resource, resourceLink, resourceList, result, retryable, roots, sampling, startingWith, text, tool, url,
} from '../src/index.js';
import { component } from '../src/component.js';
import { prepare } from '../src/prepare.js';
import { accept, cancel, decline, host, sampled, workingIn } from '../src/testing/index.js';

const one = (about, run) => plugin({ tools: [tool({ name: 'one', ...about }, run)] });

const CALL = {
  tenant: 't', subject: 's', scopes: ['read'], client: { name: null, version: null, capabilities: { elicitationForm: true } },
  deadlineMs: BigInt(Date.now() + 1000), attempt: 1, idempotencyKey: 'k', wantsProgress: false, trace: null, meta: null,
};

/** A schema as libraries have it that know Standard JSON Schema. */
const standard = (jsonSchema, validate = (value) => ({ value })) =>
  ({ '~standard': { version: 1, vendor: 'test', validate, jsonSchema: { input: () => jsonSchema } } });

test('tools are described with their schemas and hints', () => {
  const input = { $schema: 'x', type: 'object', properties: { n: { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: 5 } } };
  const [described] = host(one({ title: 'One', input: standard(input), readOnly: true, meta: { a: 1 } }, () => 1)).tools;
  assert.deepEqual(described.inputSchema, { type: 'object', properties: { n: { type: 'integer', maximum: 5 } }, additionalProperties: false });
  assert.deepEqual(described.annotations, { readOnly: true, destructive: undefined, idempotent: undefined, openWorld: undefined });
  assert.deepEqual([described.title, described.outputSchema, described.longRunning, described.meta], ['One', undefined, false, { a: 1 }]);
  const [plain] = host(one({}, () => 1)).tools;
  assert.deepEqual(plain.inputSchema, { type: 'object', properties: {}, additionalProperties: false });
  assert.equal(plain.annotations, undefined);
});

test('what is wrong with a definition shows when the plugin is built', () => {
  const cases = [
    [() => tool({ name: 'a b' }, () => 1), /letters, digits/],
    [() => tool({ name: 'a', readonly: true }, () => 1), /no option `readonly`/],
    [() => tool({ name: 'a' }), /has no function/],
    [() => tool({ name: 'a', input: { type: 'string' } }, () => 1), /that of an object/],
    [() => tool({ name: 'a', input: { '~standard': { vendor: 'old' } } }, () => 1), /schemas of old/],
    [() => plugin({ tools: [tool({ name: 'a' }, () => 1), tool({ name: 'a' }, () => 1)] }), /two tools `a`/],
    [() => plugin({ tools: [{}] }), /no tool/],
    [() => plugin({ tolls: [] }), /no `tolls`/],
    [() => resource({ name: 'a' }, () => 1), /a `uri`, a `uriTemplate`, or a `prefix`/],
    [() => resource({ uriTemplate: 'a://{/x}', name: 'a' }, () => 1), /more in it/],
    [() => component({}), /no `export default plugin/],
  ];
  for (const [work, expected] of cases) assert.throws(work, expected);
});

test('what a function gives back becomes an answer', async () => {
  const call = async (returned, about = {}) => {
    const { content, structured, isError } = await host(one(about, () => returned)).call('one');
    return [content, structured, isError];
  };
  const said = (text) => [{ type: 'text', text }];
  assert.deepEqual(await call('x'), [said('x'), undefined, false]);
  assert.deepEqual(await call(undefined), [[], undefined, false]);
  assert.deepEqual(await call({ b: 'ü<', a: [1] }), [said('{"b":"ü<","a":[1]}'), { b: 'ü<', a: [1] }, false]);
  assert.deepEqual(await call([1, 2]), [said('[1,2]'), [1, 2], false]);
  assert.deepEqual(await call('x', { output: { type: 'string' } }), [said('"x"'), 'x', false]);
  assert.deepEqual(await call([text('a'), text('b')]), [[...said('a'), ...said('b')], undefined, false]);
  assert.deepEqual(await call(result({ content: ['no'], isError: true })), [said('no'), undefined, true]);
});

test('content crosses to the host as the contract has it', async () => {
  const all = one({}, () => [
    text('t', { annotations: { priority: 1 }, meta: { m: 1 } }),
    image('i', 'image/x'),
    audio(new Uint8Array([1]), 'audio/x'),
    resourceLink({ uri: 'a://b', name: 'b', size: 3 }),
    embedded({ uri: 'a://c', blob: Uint8Array.of(2) }, { annotations: { audience: ['user'] } }),
  ]);
  const { tag, val } = await component(all).tools.call('one', '{}', CALL, null);
  assert.equal(tag, 'complete');
  const nothing = { annotations: undefined, meta: undefined };
  assert.deepEqual(JSON.parse(JSON.stringify(val.content[0])), {
    tag: 'text', val: { text: 't', annotations: { audience: [], priority: 1 }, meta: '{"m":1}' },
  });
  assert.deepEqual(val.content[1], { tag: 'image', val: { data: new TextEncoder().encode('i'), mimeType: 'image/x', ...nothing } });
  assert.equal(val.content[3].val.size, 3n);
  assert.deepEqual(val.content[4].val.contents.body, { tag: 'blob', val: Uint8Array.of(2) });
});

test('a question counts though nobody waits for its answer', async () => {
  for (const waits of [false, true]) {
    const run = (_, context) => {
      context.ask('sure', confirm('Sure?')).catch(() => {});
      if (waits) return Promise.resolve('done');
      return 'done';
    };
    const { tag } = await component(one({}, run)).tools.call('one', '{}', CALL, null);
    assert.equal(tag, 'need-input');
  }
});

test('errors are told by their kind, and mistakes to the log alone', async () => {
  const thrown = async (error) => {
    const failing = one({}, () => { throw error; });
    try {
      return await component(failing).tools.call('one', '{}', CALL, null);
    } catch (told) {
      return told;
    }
  };
  assert.deepEqual(await thrown(failed('f')), { tag: 'failed', val: 'f' });
  assert.deepEqual(await thrown(denied('d')), { tag: 'denied', val: 'd' });
  assert.deepEqual(await thrown(invalidArguments('i')), { tag: 'invalid-arguments', val: 'i' });
  assert.deepEqual(await thrown(internal('x')), { tag: 'internal', val: 'x' });
  assert.deepEqual(await thrown(retryable('r', { afterMs: 1.5 })), { tag: 'retryable', val: { message: 'r', afterMs: 2n } });
  assert.deepEqual((await thrown(notFound())).tag, 'failed');
  for (const mistake of [new RangeError('secret'), 'secret', undefined, { tag: 'failed' }]) {
    const told = await thrown(mistake);
    assert.equal(told.tag, 'internal');
    assert.doesNotMatch(told.val, /secret/);
  }
});

test('arguments get their defaults, and are what the schema makes of them', async () => {
  const schema = { type: 'object', properties: { a: { type: 'integer', default: 3 }, b: { default: [] } } };
  const echo = host(one({ input: schema }, (args) => args));
  assert.deepEqual((await echo.call('one', { b: [1] })).structured, { a: 3, b: [1] });
  const doubled = standard({ type: 'object' }, ({ n }) => (n > 0 ? { value: { n: n * 2 } } : { issues: [{ path: ['n'], message: 'too small' }] }));
  const strict = host(one({ input: doubled }, (args) => args));
  assert.deepEqual((await strict.call('one', { n: 2 })).structured, { n: 4 });
  await assert.rejects(strict.call('one', { n: 0 }), { kind: 'invalid-arguments', message: '`n`: too small' });
});

test('schemas are used before the component is written, and functions are not', () => {
  const used = [];
  const using = (outcome) => tool({ name: 'one', input: standard({ type: 'object' }, (value) => { used.push(value); return outcome(); }) }, () => assert.fail('it ran'));
  const plain = tool({ name: 'plain' }, () => assert.fail('it ran'));
  const prepared = (outcome) => prepare(plugin({ tools: [plain, using(outcome)] }));
  prepared(() => ({ value: 1 }));
  prepared(() => ({ issues: [{ message: 'no' }] }));
  assert.deepEqual(used, [{}, {}]);
  // What else comes of it would be part of every call.
  assert.throws(() => prepared(() => { throw new Error('not now'); }), /not now/);
  assert.throws(() => prepared(async () => ({ value: 1 })), /`one` waits/);
});

test('a function that asks is run again with the answers', async () => {
  let runs = 0;
  const asking = one({}, async (_, context) => {
    runs += 1;
    const found = await context.once('found', () => runs);
    context.remember('last', runs);
    const { sure, where } = await context.askAll({ sure: confirm('Sure?'), where: roots(), never: undefined });
    const said = await context.sample('haiku', { prompt: 'A haiku.', systemPrompt: 'Short.' });
    return { found, sure: sure.action, where: where.length, said: said.text, last: context.recall('last') };
  });
  const toolyard = host(asking, { answers: { sure: accept(), where: workingIn('file:///a'), haiku: sampled('leaves') } });
  assert.deepEqual((await toolyard.call('one')).structured, { found: 1, sure: 'accept', where: 1, said: 'leaves', last: 3 });
  assert.deepEqual(toolyard.asked.map(({ key }) => key), ['sure', 'where', 'haiku']);
  assert.deepEqual(JSON.parse(toolyard.asked[2].val), {
    messages: [{ role: 'user', content: { type: 'text', text: 'A haiku.' } }], maxTokens: 1000, systemPrompt: 'Short.',
  });
});

test('a question counts even if the function catches it', async () => {
  const catching = one({}, async (_, context) => {
    try {
      return (await context.ask('sure', url('Go', 'https://x.example/'))).action;
    } catch {
      return 'caught';
    }
  });
  assert.equal((await host(catching, { answers: { sure: cancel() } }).call('one')).text, 'cancel');
});

test('an answer that does not fit is asked for again', async () => {
  const schema = standard({ type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false }, (value) =>
    (Number.isInteger(value.n) ? { value } : { issues: [{ message: 'no number' }] }));
  const asking = one({}, async (_, context) => (await context.ask('n', form('How many?', schema))).content.n);
  const given = [accept({ n: 'x' }), {}, accept({ n: 2 })];
  const toolyard = host(asking, { answers: () => given.shift() });
  assert.equal((await toolyard.call('one')).structured, 2);
  assert.equal(toolyard.logs.length, 2);
  assert.deepEqual(JSON.parse(toolyard.asked[0].val.schema), { type: 'object', properties: { n: { type: 'integer' } } });
  const stubborn = host(asking, { answers: () => accept({ n: 'x' }) });
  await assert.rejects(stubborn.call('one'), /more than 32 times/);
});

test('what the client cannot be asked is asked, for the host to say so', async () => {
  const asking = one({}, (_, context) => {
    context.require('elicitationForm', 'sampling');
    return context.clientCan('roots');
  });
  const { tag, val } = await component(asking).tools.call('one', '{}', CALL, null);
  assert.deepEqual([tag, val.requests.map(([key, { tag: kind }]) => [key, kind])], ['need-input', [['sampling', 'sampling']]]);
  assert.equal((await host(asking).call('one')).structured, true);
});

test('the state of a call is bounded', async () => {
  const hoarding = one({}, async (_, context) => {
    context.remember('much', 'x'.repeat(17_000));
    await context.ask('sure', confirm('?'));
  });
  await assert.rejects(host(hoarding, { answers: { sure: decline() } }).call('one'), { kind: 'internal', message: /16384 can be kept/ });
});

test('the context says who calls', async () => {
  const telling = one({}, (_, context) => [
    context.tenant, context.hasScope('read'), context.client.name, context.meta, context.timeLeftMs() > 0, context.idempotencyKey,
  ]);
  const toolyard = host(telling, { context: { scopes: ['read'], client: { name: 'c' }, meta: { a: 1 } } });
  assert.deepEqual((await toolyard.call('one')).structured, ['default', true, 'c', { a: 1 }, true, 'test']);
});

test('the store counts, lists in parts, and loses no update', async () => {
  const storing = one({}, () => {
    const store = keyvalue.open();
    store.setMany({ b: '1', a: new Uint8Array([0x32]) });
    store.setJson('c', { d: 1 });
    const sum = [store.increment('n'), store.increment('n', 4)];
    store.updateJson('c', (old) => ({ d: old.d + 1 }));
    let tries = 0;
    store.update('race', (old) => {
      tries += 1;
      if (tries === 1) store.set('race', 'other');
      return `${old ? new TextDecoder().decode(old) : 'none'}+mine`;
    });
    for (let index = 0; index < 25; index += 1) store.set(`k${index}`, '');
    store.deleteMany(['k0', 'k1']);
    store.delete('k2');
    const many = store.getMany(['a', 'zzz']).map((value) => value?.length);
    return { sum, keys: [...store.keys()].length, c: store.getJson('c'), race: store.getText('race'), many, there: store.exists('k2') };
  });
  const { structured } = await host(storing, { keyvalue: true }).call('one');
  assert.deepEqual(structured, { sum: [1, 5], keys: 27, c: { d: 2 }, race: 'other+mine', many: [1, null], there: false });
  await assert.rejects(host(storing).call('one'), { kind: 'failed', code: 'denied', message: 'this plugin has no store to keep anything in' });
  const reading = one({}, () => keyvalue.open().getJson('bad'));
  await assert.rejects(host(reading, { keyvalue: { bad: '{' } }).call('one'), { code: 'unreadable' });
});

test('settings are texts, numbers and switches', async () => {
  const reading = one({}, () => [config.get('a'), config.get('none') ?? null, config.number('n'), config.boolean('yes'), config.all()]);
  const given = { a: 'x', n: '12', yes: 'true' };
  assert.deepEqual((await host(reading, { config: given }).call('one')).structured, ['x', null, 12, true, given]);
  const wrong = host(one({}, () => config.number('n')), { config: { n: 'many' } });
  await assert.rejects(wrong.call('one'), /setting `n` cannot be used/);
});

test('requests go where the test says', async () => {
  const asking = one({}, async () => (await fetch('https://x.example/y', { method: 'POST', body: 'b' })).text());
  const server = async (request) => new Response(`${request.method} ${request.url} ${await request.text()}`);
  assert.equal((await host(asking, { fetch: server }).call('one')).text, 'POST https://x.example/y b');
  await assert.rejects(host(asking).call('one'), { code: 'denied', kind: 'failed' });
});

test('log lines show what they are given', async () => {
  const toolyard = host(one({}, () => log.warn('a', { b: 1 }, new TypeError('bad'))));
  await toolyard.call('one');
  assert.match(toolyard.logs[0].message, /^a \{"b":1\} TypeError: bad\n/);
});

test('resources are found by URI, template and prefix', async () => {
  const all = plugin({
    resources: [
      resource({ uri: 'a://one', name: 'one', mimeType: 'text/plain' }, () => 'One'),
      resource({ uriTemplate: 'a://{x}/{+rest}{?q}', name: 'family' }, (variables) => variables),
      resource({ prefix: 'b://' }, (_, __, uri) => (uri === 'b://x' ? Uint8Array.of(1) : undefined)),
      resourceList((_, cursor) => (cursor ? [{ uri: 'b://y', name: 'y' }] : { resources: [{ uri: 'b://x', name: 'x' }], next: '1' })),
      resourceList(() => [{ uri: 'b://z', name: 'z' }]),
    ],
  });
  const toolyard = host(all);
  assert.deepEqual(toolyard.resources.prefixes, ['a://', 'b://']);
  assert.deepEqual((await toolyard.list()).map(({ uri }) => uri), ['a://one', 'b://x', 'b://y', 'b://z']);
  const [read] = await toolyard.read('a://one');
  assert.deepEqual([read.uri, read.text, read.mimeType], ['a://one', 'One', 'text/plain']);
  const [made] = await toolyard.read('a://%C3%A9/b/c?q=1%202&other=x');
  assert.deepEqual(JSON.parse(made.text), { x: 'é', rest: 'b/c', q: '1 2' });
  assert.deepEqual((await toolyard.read('b://x'))[0].blob, Uint8Array.of(1));
  for (const uri of ['b://none', 'a://%zz/x', 'c://x']) await assert.rejects(toolyard.read(uri), { kind: 'not-found' });
  assert.deepEqual(await component(all).resources.read('b://none', CALL, null), { tag: 'not-found' });
});

test('prompts become messages, with suggestions for their arguments', async () => {
  const complete = (value, known) => ['Ada', 'Bob', known.other].filter((name) => name?.startsWith(value));
  const all = plugin({
    prompts: [
      prompt({ name: 'one', arguments: { who: { complete }, other: { required: false } } }, ({ who }) => `Hello ${who}`),
      prompt({ name: 'two' }, () => ({ description: 'd', messages: ['a', { role: 'assistant', content: text('b') }] })),
    ],
  });
  const toolyard = host(all);
  assert.deepEqual(toolyard.prompts[0].arguments.map(({ name, required }) => [name, required]), [['who', true], ['other', false]]);
  assert.equal((await toolyard.prompt('one', { who: 'Ada' })).messages[0].content.text, 'Hello Ada');
  const { description, messages } = await toolyard.prompt('two');
  assert.deepEqual([description, messages.map(({ role, content }) => [role, content.text])], ['d', [['user', 'a'], ['assistant', 'b']]]);
  assert.deepEqual(await toolyard.complete({ prompt: 'one' }, 'who', 'A', { other: 'Al' }), { values: ['Ada', 'Al'], total: 2, hasMore: false });
  assert.deepEqual((await toolyard.complete({ prompt: 'two' }, 'x', '')).values, []);
});

test('sampling carries what a model may be told and says', async () => {
  const asking = one({}, async (_, context) => {
    const said = await context.ask('s', sampling({
      messages: [{ role: 'user', content: ['see', { type: 'image', data: Uint8Array.of(255), mimeType: 'image/x' }] }],
      tools: [{ name: 't', input: { type: 'object' } }],
    }));
    return [said.toolUses[0].name, said.content[1].data.length];
  });
  const answer = { role: 'assistant', model: 'm', content: [{ type: 'tool_use', id: '1', name: 't', input: {} }, { type: 'image', data: '/w==', mimeType: 'x' }] };
  const toolyard = host(asking, { answers: { s: answer } });
  assert.deepEqual((await toolyard.call('one')).structured, ['t', 1]);
  const { messages, tools } = JSON.parse(toolyard.asked[0].val);
  assert.deepEqual(messages[0].content[1], { type: 'image', data: '/w==', mimeType: 'image/x' });
  assert.deepEqual(tools, [{ name: 't', inputSchema: { type: 'object' } }]);
});

test('the arguments of a prompt are read as what they are', async () => {
  const types = { place: {}, guests: { type: 'integer' }, share: { type: 'number' }, outside: { type: 'boolean', required: false } };
  const toolyard = host(plugin({ prompts: [prompt({ name: 'party', arguments: types }, (args) => JSON.stringify(args))] }));
  const said = async (args) => (await toolyard.prompt('party', args)).messages[0].content.text;
  assert.equal(await said({ place: '12', guests: ' 3', share: '0.5', outside: 'false' }), '{"place":"12","guests":3,"share":0.5,"outside":false}');
  assert.equal(await said({ place: 'home' }), '{"place":"home"}');
  for (const [name, text] of [['guests', '3.5'], ['guests', 'many'], ['share', ''], ['outside', 'no']]) {
    await assert.rejects(said({ [name]: text }), { kind: 'invalid-arguments', message: `\`${name}\` is no ${types[name].type}` });
  }
  assert.throws(() => prompt({ name: 'a', arguments: { b: { type: 'date' } } }, () => ''), /`b` is no `date`: arguments are string, number/);
});

test('suggestions begin like what was typed, and keys with a prefix', async () => {
  assert.deepEqual(startingWith('T', new Set(['tea', 'Toast', 'coffee'])), ['tea', 'Toast']);
  const keys = one({ input: { type: 'object' } }, ({ prefix }) => [...keyvalue.open().keys(prefix)].join());
  const toolyard = host(keys, { keyvalue: { 'a/1': '', 'a/2': '', b: '' } });
  assert.equal((await toolyard.call('one', { prefix: 'a/' })).text, 'a/1,a/2');
  assert.equal((await toolyard.call('one')).text, 'a/1,a/2,b');
});
