// The weather of the coming days, from Open-Meteo.

import { config, failed, log, retryable, tool } from '@toolyard/plugin';
import * as z from 'zod';
import { type Coordinates, coordinatesOf } from './places.ts';
import { rounded } from './units.ts';

const Unit = z.enum(['celsius', 'fahrenheit']);

const Day = z.object({
  date: z.string().describe('The date, as YYYY-MM-DD.'),
  high: z.int().describe('The highest temperature.'),
  low: z.int().describe('The lowest temperature.'),
  rain: z.int().describe('How likely rain is, in percent.'),
});

const Found = z.object({
  results: z.array(z.object({ name: z.string(), latitude: z.number(), longitude: z.number() })).optional(),
});

const Weather = z.object({
  daily: z.object({
    time: z.array(z.string()),
    temperature_2m_max: z.array(z.number()),
    temperature_2m_min: z.array(z.number()),
    precipitation_probability_max: z.array(z.number().nullable()),
  }),
});

export const forecast = tool(
  {
    name: 'forecast',
    description: 'Gives the weather of the coming days at a place.',
    input: z.object({
      place: z.string().min(1).describe('The name of a city.'),
      days: z.int().min(1).max(7).default(3).describe('How many days.'),
      unit: Unit.default('celsius').describe('The unit of the temperatures.'),
    }),
    output: z.object({
      place: z.string().describe('The place that was found.'),
      unit: Unit.describe('The unit of the temperatures.'),
      days: z.array(Day).describe('A day each.'),
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

async function find(place: string): Promise<Coordinates & { name: string }> {
  const kept = coordinatesOf(place);
  if (kept) return { name: place, ...kept };
  const base = config.get('geocoding') ?? 'https://geocoding-api.open-meteo.com';
  const { results = [] } = await ask(`${base}/v1/search?name=${encodeURIComponent(place)}&count=1`, Found);
  const [first] = results;
  if (!first) throw failed(`There is no place called ${place}.`);
  return first;
}

async function weather({ latitude, longitude }: Coordinates, days: number, unit: z.infer<typeof Unit>) {
  const base = config.get('api') ?? 'https://api.open-meteo.com';
  const daily = 'temperature_2m_max,temperature_2m_min,precipitation_probability_max';
  const url = `${base}/v1/forecast?latitude=${latitude}&longitude=${longitude}&daily=${daily}&timezone=UTC&forecast_days=${days}&temperature_unit=${unit}`;
  const said = (await ask(url, Weather)).daily;
  const lengths = [said.temperature_2m_max, said.temperature_2m_min, said.precipitation_probability_max].map((list) => list.length);
  if (lengths.some((length) => length !== said.time.length)) throw notUnderstood();
  return said.time.map((date, index) => ({
    date,
    high: rounded(said.temperature_2m_max[index]!),
    low: rounded(said.temperature_2m_min[index]!),
    rain: rounded(said.precipitation_probability_max[index] ?? 0),
  }));
}

const notUnderstood = () => failed('The weather service gave an answer that is not understood.');

/** Asks the service, and takes no answer that is not of the shape that is wanted. */
async function ask<T>(url: string, shape: z.ZodType<T>): Promise<T> {
  const response = await reach(url);
  const { status } = response;
  const sentence = `The weather service answered with status ${status}.`;
  if (status >= 500 || status === 429) throw retryable(sentence, { afterMs: 1000 });
  if (status !== 200) throw failed(sentence);
  const outcome = shape.safeParse(await response.json().catch(() => undefined));
  if (!outcome.success) throw notUnderstood();
  return outcome.data;
}

async function reach(url: string): Promise<Response> {
  try {
    return await fetch(url, { headers: { Accept: 'application/json' } });
  } catch (error) {
    log.warn(error);
    throw failed('The weather service cannot be reached.');
  }
}
