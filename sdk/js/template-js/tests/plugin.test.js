import assert from 'node:assert/strict';
import { test } from 'node:test';
import { host } from '@toolyard/plugin/testing';
import plugin from '../src/plugin.js';

test('it greets', async () => {
  assert.equal((await host(plugin).call('greet', { name: 'Ada' })).text, 'Hello, Ada!');
  assert.equal((await host(plugin).call('greet', { name: 'Ada', loudly: true })).text, 'HELLO, ADA!');
});
