// Weather of the coming days, places that are kept, and a few things that show what a plugin can do.

import { form, keyvalue, plugin, prompt, resource, resourceList, tool } from '@toolyard/plugin';
import * as z from 'zod';
import { chart } from './chart.ts';
import { forecast } from './forecast.ts';
import { convert, Unit } from './units.ts';
import { keep, kept, keyOf } from './places.ts';

const convertTool = tool(
  {
    name: 'convert',
    title: 'Convert a temperature',
    description: 'Converts a temperature from one unit to another.',
    input: z.object({
      value: z.int().min(-1_000_000).max(1_000_000).describe('The temperature.'),
      from: Unit.describe('Its unit.'),
      to: Unit.describe('The unit wanted.'),
    }),
    output: z.object({ value: z.int().describe('The converted temperature.'), unit: Unit.describe('Its unit.') }),
    readOnly: true,
    idempotent: true,
    openWorld: false,
  },
  ({ value, from, to }) => ({ value: convert(value, from, to), unit: to }),
);

const savePlace = tool(
  {
    name: 'save_place',
    description: 'Keeps a place under a name.',
    input: z.object({
      name: z.string().min(1).max(50).describe('What to call it.'),
      latitude: z.number().min(-90).max(90).describe('Degrees north.'),
      longitude: z.number().min(-180).max(180).describe('Degrees east.'),
    }),
    destructive: false,
    idempotent: true,
    openWorld: false,
  },
  ({ name, latitude, longitude }, context) => {
    keep(name, { latitude, longitude });
    context.resourcesChanged();
    return `Saved ${name}.`;
  },
);

const places = tool(
  {
    name: 'places',
    description: 'Lists the places that were kept.',
    output: z.object({ places: z.array(z.string()).describe('Their names.') }),
    readOnly: true,
    openWorld: false,
  },
  () => ({ places: kept() }),
);

const forgetPlaces = tool(
  { name: 'forget_places', description: 'Forgets all places that were kept, if the user agrees.', destructive: true, openWorld: false },
  async (_, context) => {
    const names = kept();
    if (names.length === 0) return 'There is nothing to forget.';
    const sure = z.object({ forget: z.boolean().describe('Whether to forget them.') });
    const answer = await context.ask('sure', form(`Forget ${names.length} places?`, sure));
    if (answer.action !== 'accept' || !answer.content.forget) return 'Kept everything.';
    keyvalue.open().deleteMany(names.map(keyOf));
    return `Forgot ${names.length} places.`;
  },
);

const now = tool(
  {
    name: 'now',
    description: 'Gives a random number and the time.',
    output: z.object({ random: z.int().describe('A random number.'), time_ms: z.int().describe('Milliseconds since 1970.') }),
    openWorld: false,
  },
  () => ({ random: Math.floor(Math.random() * 2 ** 31), time_ms: Date.now() }),
);

const whoami = tool(
  {
    name: 'whoami',
    description: 'Says who is calling.',
    output: z.object({
      tenant: z.string().describe('The tenant.'),
      client: z.string().nullable().describe("The client's name."),
      attempt: z.int().describe('How often it was tried.'),
    }),
    readOnly: true,
    openWorld: false,
  },
  (_, { tenant, client, attempt }) => ({ tenant, client: client.name ?? null, attempt }),
);

const crash = tool({ name: 'crash', description: 'Fails in a way that nobody thought of.' }, () => {
  const nobody = undefined as unknown as { name: string };
  return nobody.name;
});

const about = resource(
  { uri: 'weather://about', name: 'about', description: 'Where the forecasts come from.', mimeType: 'text/plain' },
  () => 'Weather by Open-Meteo (https://open-meteo.com), CC BY 4.0.',
);

const place = resource(
  { uriTemplate: 'weather://places/{name}', name: 'place', description: 'A place that was kept.', mimeType: 'application/json' },
  ({ name }) => keyvalue.open().getText(keyOf(name)),
);

const keptPlaces = resourceList(() =>
  kept().map((name) => ({ uri: `weather://places/${encodeURIComponent(name)}`, name, mimeType: 'application/json' })),
);

const packingList = prompt(
  {
    name: 'packing_list',
    description: 'What to pack for a trip.',
    arguments: {
      place: { description: 'Where to.', complete: (value) => kept().filter((name) => name.startsWith(value)) },
      days: { description: 'How many days.', required: false },
    },
  },
  ({ place, days = '3' }) => `What should I pack for ${days} days in ${place}? Ask the tool forecast for the weather.`,
);

export default plugin({
  tools: [convertTool, forecast, savePlace, places, forgetPlaces, chart, now, whoami, crash],
  resources: [about, place, keptPlaces],
  prompts: [packingList],
});
