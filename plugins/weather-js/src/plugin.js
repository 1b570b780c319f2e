// Weather of the coming days, places that are kept, and a few things that show what a plugin can do.

import { form, keyvalue, plugin, prompt, resource, resourceList, tool } from '@toolyard/plugin';
import { chart } from './chart.js';
import { forecast } from './forecast.js';
import { keep, kept, keyOf } from './places.js';
import { arguments_, integer, object, string } from './schema.js';
import { convert, UNITS } from './units.js';

const unit = (description) => ({ type: 'string', enum: UNITS, description });

const convertTool = tool(
  {
    name: 'convert',
    title: 'Convert a temperature',
    description: 'Converts a temperature from one unit to another.',
    input: arguments_({
      value: integer('The temperature.', { minimum: -1_000_000, maximum: 1_000_000 }),
      from: unit('Its unit.'),
      to: unit('The unit wanted.'),
    }),
    output: object({ value: integer('The converted temperature.'), unit: unit('Its unit.') }),
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
    input: arguments_({
      name: string('What to call it.', { minLength: 1, maxLength: 50 }),
      latitude: { type: 'number', minimum: -90, maximum: 90, description: 'Degrees north.' },
      longitude: { type: 'number', minimum: -180, maximum: 180, description: 'Degrees east.' },
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
    output: object({ places: { type: 'array', items: { type: 'string' }, description: 'Their names.' } }),
    readOnly: true,
    openWorld: false,
  },
  () => ({ places: kept() }),
);

const SURE = object({ forget: { type: 'boolean', description: 'Whether to forget them.' } });

const forgetPlaces = tool(
  { name: 'forget_places', description: 'Forgets all places that were kept, if the user agrees.', destructive: true, openWorld: false },
  async (_, context) => {
    const names = kept();
    if (names.length === 0) return 'There is nothing to forget.';
    const answer = await context.ask('sure', form(`Forget ${names.length} places?`, SURE));
    if (answer.action !== 'accept' || answer.content.forget !== true) return 'Kept everything.';
    keyvalue.open().deleteMany(names.map(keyOf));
    return `Forgot ${names.length} places.`;
  },
);

const now = tool(
  {
    name: 'now',
    description: 'Gives a random number and the time.',
    output: object({ random: integer('A random number.'), time_ms: integer('Milliseconds since 1970.') }),
    openWorld: false,
  },
  () => ({ random: Math.floor(Math.random() * 2 ** 31), time_ms: Date.now() }),
);

const whoami = tool(
  {
    name: 'whoami',
    description: 'Says who is calling.',
    output: object({
      tenant: string('The tenant.'),
      client: { type: ['string', 'null'], description: "The client's name." },
      attempt: integer('How often it was tried.'),
    }),
    readOnly: true,
    openWorld: false,
  },
  (_, { tenant, client, attempt }) => ({ tenant, client: client.name ?? null, attempt }),
);

const crash = tool({ name: 'crash', description: 'Fails in a way that nobody thought of.' }, () => {
  const nobody = undefined;
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
  ({ place: where, days = '3' }) => `What should I pack for ${days} days in ${where}? Ask the tool forecast for the weather.`,
);

export default plugin({
  tools: [convertTool, forecast, savePlace, places, forgetPlaces, chart, now, whoami, crash],
  resources: [about, place, keptPlaces],
  prompts: [packingList],
});
