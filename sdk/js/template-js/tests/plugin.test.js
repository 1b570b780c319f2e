import assert from 'node:assert/strict';
import { test } from 'node:test';
import { host } from '@toolyard/plugin/testing';
import plugin from '../src/plugin.js';

test('somebody is greeted', async () => {
  const { text } = await host(plugin).call('greet', { name: 'Ada', times: 2 });
  assert.equal(text, 'Hello, Ada! Hello, Ada!');
});
