import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accept, decline, host } from '@toolyard/plugin/testing';
import weather from '../src/plugin.ts';

const BERLIN = { name: 'Berlin', latitude: 52.52, longitude: 13.41 };

const DAILY = {
  time: ['2026-11-21', '2026-11-22'],
  temperature_2m_max: [8.4, 9.5],
  temperature_2m_min: [-2.5, 1.2],
  precipitation_probability_max: [40, null],
};

/** A weather service that knows Berlin, and what it was asked. */
function service(answer: (path: string) => Response = () => Response.json({ results: [BERLIN] })) {
  const asked: string[] = [];
  const fetch = (request: Request) => {
    const { pathname, search } = new URL(request.url);
    asked.push(pathname + search);
    assert.equal(request.headers.get('accept'), 'application/json');
    return pathname === '/v1/forecast' ? Response.json({ daily: DAILY }) : answer(pathname);
  };
  return { asked, fetch };
}

test('temperatures are converted and rounded', async () => {
  const { call } = bound();
  const cases: [number, string, string, number][] = [
    [20, 'celsius', 'fahrenheit', 68],
    [0, 'kelvin', 'celsius', -273],
    [-40, 'fahrenheit', 'celsius', -40],
    [1, 'fahrenheit', 'celsius', -17],
    [0, 'celsius', 'kelvin', 273],
  ];
  for (const [value, from, to, expected] of cases) {
    assert.deepEqual((await call('convert', { value, from, to })).structured, { value: expected, unit: to });
  }
  await assert.rejects(call('convert', { value: -274, from: 'celsius', to: 'kelvin' }), { message: 'That is below absolute zero.' });
});

test('a forecast is asked for where the place was found', async () => {
  const { asked, fetch } = service();
  const toolyard = host(weather, { keyvalue: true, config: { api: 'https://api.example', geocoding: 'https://geo.example' }, fetch });
  const result = await toolyard.call('forecast', { place: 'berlin & co', days: 2 });
  assert.deepEqual(result.structured, {
    place: 'Berlin',
    unit: 'celsius',
    days: [
      { date: '2026-11-21', high: 8, low: -2, rain: 40 },
      { date: '2026-11-22', high: 10, low: 1, rain: 0 },
    ],
  });
  assert.equal(result.text, JSON.stringify(result.structured));
  assert.deepEqual(asked, [
    '/v1/search?name=berlin%20%26%20co&count=1',
    '/v1/forecast?latitude=52.52&longitude=13.41&daily=temperature_2m_max,temperature_2m_min,precipitation_probability_max&timezone=UTC&forecast_days=2&temperature_unit=celsius',
  ]);
  assert.deepEqual(toolyard.progress.map(({ done, total, message }) => [done, total, message]), [
    [1, 3, 'looking for the place'],
    [2, 3, 'asking for the forecast'],
    [3, 3, 'done'],
  ]);
  assert.deepEqual(toolyard.logs.map(({ level, message }) => [level, message]), [['info', 'forecast of 2 days for Berlin']]);
});

test('a place that is kept is not looked for', async () => {
  const { asked, fetch } = service();
  const toolyard = host(weather, { keyvalue: { 'place.home': '{"latitude":1,"longitude":-2.5}' }, fetch });
  const { structured } = await toolyard.call('forecast', { place: 'home', unit: 'fahrenheit' });
  assert.equal(structured.place, 'home');
  assert.equal(asked.length, 1);
  assert.match(asked[0]!, /latitude=1&longitude=-2.5&.*forecast_days=3&temperature_unit=fahrenheit$/);
});

test('what the service answers badly is said plainly', async () => {
  const cases: [Response, object][] = [
    [Response.json({}), { kind: 'failed', message: 'There is no place called Berlin.' }],
    [Response.json({ results: [] }), { kind: 'failed', message: 'There is no place called Berlin.' }],
    [new Response('', { status: 503 }), { kind: 'retryable', afterMs: 1000, message: 'The weather service answered with status 503.' }],
    [new Response('', { status: 429 }), { kind: 'retryable', message: 'The weather service answered with status 429.' }],
    [new Response('', { status: 404 }), { kind: 'failed', message: 'The weather service answered with status 404.' }],
    [new Response('<html>'), { kind: 'failed', message: 'The weather service gave an answer that is not understood.' }],
    [Response.json({ results: [{ name: 1 }] }), { kind: 'failed', message: 'The weather service gave an answer that is not understood.' }],
  ];
  for (const [response, expected] of cases) {
    const toolyard = host(weather, { keyvalue: true, fetch: service(() => response).fetch });
    await assert.rejects(toolyard.call('forecast', { place: 'Berlin' }), expected);
  }
  const toolyard = host(weather, { keyvalue: true });
  await assert.rejects(toolyard.call('forecast', { place: 'Berlin' }), { kind: 'failed', message: 'The weather service cannot be reached.' });
  assert.equal(toolyard.logs[0]!.level, 'warn');
});

test('places are kept, listed, read and suggested', async () => {
  const toolyard = host(weather, { keyvalue: { other: 'x' } });
  assert.equal((await toolyard.call('save_place', { name: 'Rome', latitude: 41.9, longitude: 12.5 })).text, 'Saved Rome.');
  await toolyard.call('save_place', { name: 'New York', latitude: 40.71, longitude: -74.01 });
  assert.deepEqual((await toolyard.call('places')).structured, { places: ['New York', 'Rome'] });
  assert.equal(toolyard.stored['place.Rome'], '{"latitude":41.9,"longitude":12.5}');
  assert.deepEqual(toolyard.changes, [{ list: 'resources' }, { list: 'resources' }]);
  const listed = (await toolyard.list()).map(({ uri, name }) => [uri, name]);
  assert.deepEqual(listed, [['weather://about', 'about'], ['weather://places/New%20York', 'New York'], ['weather://places/Rome', 'Rome']]);
  const [read] = await toolyard.read('weather://places/New%20York');
  assert.deepEqual([read!.text, read!.mimeType], ['{"latitude":40.71,"longitude":-74.01}', 'application/json']);
  await assert.rejects(toolyard.read('weather://places/Paris'), { kind: 'not-found' });
  const suggested = await toolyard.complete({ prompt: 'packing_list' }, 'place', 'R');
  assert.deepEqual(suggested.values, ['Rome']);
});

test('places are sorted by code point', async () => {
  const names = ['\u{1F600}', '\uFFFD', 'Zug', 'Äh', 'Zugspitze'];
  const toolyard = host(weather, { keyvalue: Object.fromEntries(names.map((name) => [`place.${name}`, '{}'])) });
  assert.deepEqual((await toolyard.call('places')).structured.places, ['Zug', 'Zugspitze', 'Äh', '\uFFFD', '\u{1F600}']);
});

test('places are forgotten only after a yes', async () => {
  const forget = async (answer: unknown) => {
    const toolyard = host(weather, { keyvalue: { 'place.a': '{}', 'place.b': '{}', other: 'x' }, answers: { sure: answer } });
    const { text } = await toolyard.call('forget_places');
    assert.equal(toolyard.asked[0]!.val.message, 'Forget 2 places?');
    return [text, Object.keys(toolyard.stored).length];
  };
  assert.deepEqual(await forget(accept({ forget: true })), ['Forgot 2 places.', 1]);
  assert.deepEqual(await forget(accept({ forget: false })), ['Kept everything.', 3]);
  assert.deepEqual(await forget(decline()), ['Kept everything.', 3]);
  assert.equal((await host(weather, { keyvalue: true }).call('forget_places')).text, 'There is nothing to forget.');
});

test('a chart has one of each kind of content', async () => {
  const { call } = bound();
  const { content, structured } = await call('chart', { highs: [9, 2] });
  assert.equal(structured, undefined);
  assert.deepEqual(content[0], { type: 'text', text: 'Highest 9, lowest 2.', annotations: { audience: ['user'], priority: 0.5 } });
  assert.equal(
    new TextDecoder().decode(content[1].data),
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="120"><rect x="0" y="51" width="18" height="69"/><rect x="20" y="58" width="18" height="62"/></svg>',
  );
  assert.equal(Buffer.from(content[2].data).toString('base64'), 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=');
  assert.deepEqual(content.slice(3), [
    { type: 'resource_link', uri: 'weather://about', name: 'about', mimeType: 'text/plain' },
    { type: 'resource', resource: { uri: 'weather://chart', mimeType: 'text/csv', text: '9,2\n' } },
  ]);
});

test('who calls, and when', async () => {
  const toolyard = host(weather, { context: { client: { name: 'test' }, attempt: 2 } });
  assert.deepEqual((await toolyard.call('whoami')).structured, { tenant: 'default', client: 'test', attempt: 2 });
  assert.equal((await bound().call('whoami')).structured.client, null);
  const [one, other] = [await bound().call('now'), await bound().call('now')];
  assert.notEqual(one.structured.random, other.structured.random);
  assert.ok(Math.abs(one.structured.time_ms - Date.now()) < 60_000);
});

test('a mistake of the program is one', async () => {
  await assert.rejects(bound().call('crash'), TypeError);
});

test('the prompt counts three days if nobody says', async () => {
  const { messages } = await host(weather).prompt('packing_list', { place: 'Rome' });
  const text = 'What should I pack for 3 days in Rome? Ask the tool forecast for the weather.';
  assert.deepEqual(messages.map(({ role, content }) => [role, content.text]), [['user', text]]);
});

function bound() {
  const toolyard = host(weather);
  return { call: (name: string, args?: Record<string, unknown>) => toolyard.call(name, args) };
}
