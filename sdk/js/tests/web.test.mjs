// What stands in for the web's functions in QuickJS, held against Node's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuredClone as ownClone } from '../src/quickjs/clone.js';
import * as own from '../src/quickjs/encoding.js';
import { Headers as OwnHeaders, Request as OwnRequest, Response as OwnResponse } from '../src/quickjs/http.js';
import { URLSearchParams as OwnParams } from '../src/quickjs/search.js';
import { URL as OwnUrl } from '../src/quickjs/url.js';

const parts = (Url, input, base) => {
  try {
    const { href, origin, protocol, host, hostname, port, pathname, search, hash, username, password } = new Url(input, base);
    return { href, origin, protocol, host, hostname, port, pathname, search, hash, username, password };
  } catch {
    return 'not a URL';
  }
};

test('URLs are those of the standard', () => {
  const inputs = [
    ['http://EXAMPLE.com:80/a/../b/./c?x=y z#é'], ['https://u:p@h:8443'], ['//h/x', 'https://a/b'], ['../x?q', 'http://a/b/c/d?e'],
    ['?z', 'http://a/b?c#d'], ['#f', 'http://a/b?c#d'], ['', 'http://a/b?c#d'], ['mailto:a@b.c'], ['http://[::1]:8080/x'],
    ['http:foo', 'http://a/b/c'], ['nope'], ['http://'], ['http://a b/'], ['file:///a/b/../c'], ['weather://places/x%20y'],
    ['http://h/é ü?ä={}|'], ['https://h/a%2e%2e/..%2f/%2E%2e'], ['http://h:99999/'], ['http://ex%41mple.com/'], ['\thttp://h/\n'],
    ['http:\\\\h\\a\\b'], ['/x', 'https://h/a?b'], ['https://h/?q=%zz&r'],
  ];
  for (const [input, base] of inputs) assert.deepEqual(parts(OwnUrl, input, base), parts(URL, input, base), `${input} from ${base}`);
});

test('a URL can be changed', () => {
  for (const Url of [OwnUrl, URL]) {
    const url = new Url('https://h/a?x=1#y');
    url.searchParams.set('x', 'a b');
    url.searchParams.append('é', '&');
    assert.equal(url.href, 'https://h/a?x=a+b&%C3%A9=%26#y');
    url.search = '';
    url.pathname = 'b c';
    url.hash = '';
    url.port = '8443';
    assert.equal(url.href, 'https://h:8443/b%20c');
  }
});

test('search parameters are those of the standard', () => {
  for (const given of ['?a=1&b=%20x+y&a=%zz&é=ü', 'a=b=c&&d', '', [['a', '!\'()*~']], { x: 'y', z: 1 }]) {
    assert.equal(new OwnParams(given).toString(), new URLSearchParams(given).toString());
  }
  const params = new OwnParams('b=1&a=2&b=3');
  params.sort();
  assert.deepEqual([...params], [['a', '2'], ['b', '1'], ['b', '3']]);
  params.set('b', '4');
  params.delete('a');
  assert.deepEqual([params.getAll('b'), params.get('a'), params.has('b', '4'), params.size], [['4'], null, true, 1]);
});

test('text is encoded as everywhere', () => {
  for (const text of ['', 'abc', 'é€\u{1F600}', 'a\ud800b', '\udc00', 'x'.repeat(10_000)]) {
    assert.deepEqual(new own.TextEncoder().encode(text), new TextEncoder().encode(text));
  }
  assert.deepEqual(new own.TextEncoder().encodeInto('aé€', new Uint8Array(3)), { read: 2, written: 3 });
});

test('bytes are decoded as everywhere, right or wrong', () => {
  const samples = [
    [0x61, 0xc3, 0xa9], [0xef, 0xbb, 0xbf, 0x61], [0xff, 0x61], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98, 0x80],
    [0xc0, 0x80], [0xf5, 0x80], [0xe0, 0x80, 0x80], [0xf0, 0x80, 0x80, 0x80], [0x61, 0xe2, 0x28, 0xa1], [0xf4, 0x90, 0x80, 0x80],
  ];
  for (const sample of samples) {
    const bytes = Uint8Array.from(sample);
    assert.equal(new own.TextDecoder().decode(bytes), new TextDecoder().decode(bytes), String(sample));
  }
  assert.throws(() => new own.TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.of(0xff)), TypeError);
  assert.throws(() => new own.TextDecoder('utf-16'), RangeError);
  const streamed = new own.TextDecoder();
  const pieces = [[0x61, 0xf0, 0x9f], [0x98], [0x80, 0xc3]].map((piece) => streamed.decode(Uint8Array.from(piece), { stream: true }));
  assert.deepEqual([...pieces, streamed.decode()], ['a', '', '\u{1F600}', '\ufffd']);
});

test('headers know their names in any case', () => {
  const headers = new OwnHeaders({ Accept: 'a', 'X-B': ' 1 ' });
  headers.append('accept', 'b');
  assert.deepEqual([...headers], [['accept', 'a, b'], ['x-b', '1']]);
  assert.equal(headers.get('ACCEPT'), 'a, b');
  headers.delete('Accept');
  assert.equal(headers.has('accept'), false);
});

test('requests have bodies of several kinds', () => {
  const request = new OwnRequest('https://h/', { method: 'post', body: 'é' });
  assert.deepEqual([request.method, request.body.length, request.headers.get('content-type')], ['POST', 2, 'text/plain;charset=UTF-8']);
  assert.throws(() => new OwnRequest('https://h/', { body: 'x' }), /has no body/);
  assert.equal(new OwnRequest(request, { method: 'PUT' }).body.length, 2);
});

test('responses are read once', async () => {
  assert.deepEqual(await OwnResponse.json({ a: 1 }).json(), { a: 1 });
  const response = new OwnResponse('text', { status: 404 });
  assert.deepEqual([response.ok, await response.text()], [false, 'text']);
  await assert.rejects(response.text(), TypeError);
});

test('data is copied with what refers to itself', () => {
  const value = { list: [1, { date: new Date(0) }], map: new Map([['a', new Set([1])]]), bytes: Uint8Array.of(1, 2) };
  value.self = value;
  const copy = ownClone(value);
  assert.notEqual(copy, value);
  assert.equal(copy.self, copy);
  assert.deepEqual({ ...copy, self: 0 }, { ...value, self: 0 });
  assert.throws(() => ownClone(() => {}), { name: 'DataCloneError' });
});
