// The plugin {{name}}.

import { log, plugin, tool } from '@toolyard/plugin';
import * as z from 'zod';

const greet = tool(
  {
    name: 'greet',
    description: 'Greets somebody.',
    input: z.object({
      name: z.string().min(1).describe('Whom to greet.'),
      times: z.int().min(1).max(10).default(1).describe('How many times.'),
    }),
    readOnly: true,
    idempotent: true,
    openWorld: false,
  },
  ({ name, times }) => {
    log.info(`greeting ${name}`);
    return Array(times).fill(`Hello, ${name}!`).join(' ');
  },
);

export default plugin({ tools: [greet] });
