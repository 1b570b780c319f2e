// The weather of the coming days, from Open-Meteo.

import { config, failed, log, retryable, tool } from '@toolyard/plugin';
import { coordinatesOf } from './places.js';
import { arguments_, integer, object, string } from './schema.js';
import { rounded } from './units.js';

const UNITS = ['celsius', 'fahrenheit'];
const UNIT = { type: 'string', enum: UNITS, description: 'The unit of the temperatures.' };

const DAY = object({
  date: string('The date, as YYYY-MM-DD.'),
  high: integer('The highest temperature.'),
  low: integer('The lowest temperature.'),
  rain: integer('How likely rain is, in percent.'),
});

export const forecast = tool(
  {
    name: 'forecast',
    description: 'Gives the weather of the coming days at a place.',
    input: arguments_({
      place: string('The name of a city.', { minLength: 1 }),
      days: integer('How many days.', { minimum: 1, maximum: 7, default: 3 }),
      unit: { ...UNIT, default: 'celsius' },
    }),
    output: object({
      place: string('The place that was found.'),
      unit: UNIT,
      days: { type: 'array', items: DAY, description: 'A day each.' },
    }),
    readOnly: true,
    openWorld: true,
  },
  async ({ place, days, unit }, context) => {
    context.progress(1, 3, 'looking for the place');
    const found = await find(place);
    context.progress(2, 3, 'asking for the forecast');
    const daily = await weather(found, days, unit);
    log.info(`forecast of ${days} days for ${found.name}`);
    context.progress(3, 3, 'done');
    return { place: found.name, unit, days: daily };
  },
);

async function find(place) {
  const kept = coordinatesOf(place);
  if (kept) return { name: place, ...kept };
  const base = config.get('geocoding') ?? 'https://geocoding-api.open-meteo.com';
  const { results = [] } = await ask(`${base}/v1/search?name=${encodeURIComponent(place)}&count=1`);
  expect(Array.isArray(results));
  if (results.length === 0) throw failed(`There is no place called ${place}.`);
  const { name, latitude, longitude } = results[0];
  expect(typeof name === 'string' && Number.isFinite(latitude) && Number.isFinite(longitude));
  return { name, latitude, longitude };
}

async function weather({ latitude, longitude }, days, unit) {
  const base = config.get('api') ?? 'https://api.open-meteo.com';
  const wanted = 'temperature_2m_max,temperature_2m_min,precipitation_probability_max';
  const url = `${base}/v1/forecast?latitude=${latitude}&longitude=${longitude}&daily=${wanted}&timezone=UTC&forecast_days=${days}&temperature_unit=${unit}`;
  const { daily } = await ask(url);
  const { time, temperature_2m_max: highs, temperature_2m_min: lows, precipitation_probability_max: rains } = daily ?? {};
  expect([time, highs, lows, rains].every((list) => Array.isArray(list) && list.length === time.length));
  expect(time.every((date) => typeof date === 'string'));
  expect([...highs, ...lows].every(Number.isFinite) && rains.every((rain) => rain === null || Number.isFinite(rain)));
  return time.map((date, index) => ({
    date,
    high: rounded(highs[index]),
    low: rounded(lows[index]),
    rain: rounded(rains[index] ?? 0),
  }));
}

function expect(holds) {
  if (!holds) throw failed('The weather service gave an answer that is not understood.');
}

/** Asks the service for a JSON object. */
async function ask(url) {
  const response = await reach(url);
  const sentence = `The weather service answered with status ${response.status}.`;
  if (response.status >= 500 || response.status === 429) throw retryable(sentence, { afterMs: 1000 });
  if (response.status !== 200) throw failed(sentence);
  const answer = await response.json().catch(() => undefined);
  expect(typeof answer === 'object' && answer !== null);
  return answer;
}

async function reach(url) {
  try {
    return await fetch(url, { headers: { Accept: 'application/json' } });
  } catch (error) {
    log.warn(error);
    throw failed('The weather service cannot be reached.');
  }
}
