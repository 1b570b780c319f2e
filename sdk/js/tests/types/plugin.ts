// A plugin as the compiler sees it: this file is only checked, strictly.

import { keyvalue, plugin, prompt, resource, startingWith, tool } from '@toolyard/plugin';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(_: Same<A, B>) => undefined;

const article = resource(
  { uriTemplate: 'shop://{shelf}/{+path}{?part,size}', name: 'article', complete: { shelf: (value) => startingWith(value, ['tea', 'coffee']) } },
  ({ shelf, path, part, size }) => {
    is<typeof shelf, string>(true);
    is<typeof path, string>(true);
    // What is in a query may be missing.
    is<typeof part, string | undefined>(true);
    // @ts-expect-error
    size.length;
    return `${shelf} ${path}`;
  },
);

// @ts-expect-error the template has no such name
resource({ uriTemplate: 'shop://{shelf}', name: 'shelf' }, ({ shelves }) => shelves);

const party = prompt(
  {
    name: 'party',
    arguments: {
      place: { description: 'Where.' },
      guests: { type: 'integer' },
      outside: { type: 'boolean', required: false },
      tone: { required: false, complete: (value, known) => startingWith(value, known['place'] === undefined ? [] : ['kindly']) },
    },
  },
  ({ place, guests, outside, tone }) => {
    is<typeof tone, string | undefined>(true);
    is<typeof place, string>(true);
    is<typeof guests, number>(true);
    is<typeof outside, boolean | undefined>(true);
    return `${place} ${guests}`;
  },
);

const list = tool({ name: 'list', description: 'Lists.' }, () => {
  const store = keyvalue.open();
  const count = store.updateJson<number>('count', (old = 0) => old + 1);
  is<typeof count, number>(true);
  return [...store.keys('article/')];
});

export default plugin({ tools: [list], resources: [article], prompts: [party] });
