import { plugin, tool } from '@toolyard/plugin';
import * as z from 'zod';

const greet = tool(
  {
    name: 'greet',
    description: 'Greets somebody.',
    input: z.object({
      name: z.string().min(1).describe('Whom to greet.'),
      loudly: z.boolean().default(false).describe('Whether to shout.'),
    }),
    readOnly: true,
    openWorld: false,
  },
  ({ name, loudly }) => (loudly ? `HELLO, ${name.toUpperCase()}!` : `Hello, ${name}!`),
);

export default plugin({ tools: [greet] });
