// The promises and the loop that QuickJS runs, here in Node: they are plain JavaScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drain, Promise as Own } from '../src/quickjs/promise.js';

/** Runs `work` with the promises of the SDK, and gives what came of it. */
function settle(promise) {
  let outcome = 'pending';
  promise.then((value) => { outcome = { value }; }, (reason) => { outcome = { reason }; });
  drain();
  return outcome;
}

test('values and reasons go down the chain', () => {
  assert.deepEqual(settle(Own.resolve(1).then((value) => value + 1)), { value: 2 });
  assert.deepEqual(settle(Own.reject('no').then(() => 1)), { reason: 'no' });
  assert.deepEqual(settle(Own.reject('no').catch((reason) => `${reason}!`)), { value: 'no!' });
  assert.deepEqual(settle(Own.resolve(1).then(() => { throw 'thrown'; })), { reason: 'thrown' });
  assert.deepEqual(settle(Own.resolve(1).then(undefined)), { value: 1 });
  assert.deepEqual(settle(new Own((resolve, reject) => { resolve(1); reject(2); })), { value: 1 });
  assert.deepEqual(settle(new Own(() => { throw 'early'; })), { reason: 'early' });
  assert.equal(settle(new Own(() => {})), 'pending');
});

test('promises of any make are waited for', () => {
  assert.deepEqual(settle(Own.resolve(1).then(() => Own.resolve(2))), { value: 2 });
  assert.deepEqual(settle(Own.resolve({ then: (resolve) => resolve(3) })), { value: 3 });
  assert.deepEqual(settle(Own.resolve({ get then() { throw 'no then'; } })), { reason: 'no then' });
  const itself = Own.withResolvers();
  itself.resolve(itself.promise);
  assert.match(settle(itself.promise).reason.message, /wait for itself/);
});

test('jobs run in the order in which they came, and never at once', () => {
  const order = [];
  Own.resolve().then(() => order.push(2)).then(() => order.push(4));
  Own.resolve().then(() => order.push(3)).then(() => order.push(5));
  order.push(1);
  drain();
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
});

test('finally passes on what it was given, unless it fails', () => {
  assert.deepEqual(settle(Own.resolve(1).finally(() => 2)), { value: 1 });
  assert.deepEqual(settle(Own.reject(1).finally(() => 2)), { reason: 1 });
  assert.deepEqual(settle(Own.resolve(1).finally(() => { throw 3; })), { reason: 3 });
});

test('many at once', () => {
  const { resolve, reject } = { resolve: (value) => Own.resolve(value), reject: (reason) => Own.reject(reason) };
  assert.deepEqual(settle(Own.all([resolve(1), 2, resolve(3)])), { value: [1, 2, 3] });
  assert.deepEqual(settle(Own.all([])), { value: [] });
  assert.deepEqual(settle(Own.all([resolve(1), reject('no')])), { reason: 'no' });
  assert.deepEqual(settle(Own.any([reject('no'), resolve(2)])), { value: 2 });
  assert.deepEqual(settle(Own.any([reject('a'), reject('b')])).reason.errors, ['a', 'b']);
  assert.deepEqual(settle(Own.race([new Own(() => {}), resolve(2)])), { value: 2 });
  assert.deepEqual(settle(Own.allSettled([resolve(1), reject(2)])).value, [
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: 2 },
  ]);
  assert.deepEqual(settle(Own.try((a) => a + 1, 1)), { value: 2 });
});
