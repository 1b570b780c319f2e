// The plugin {{name}}.

import { log, plugin, tool } from '@toolyard/plugin';

const greet = tool(
  {
    name: 'greet',
    description: 'Greets somebody.',
    input: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, description: 'Whom to greet.' },
        times: { type: 'integer', minimum: 1, maximum: 10, default: 1, description: 'How many times.' },
      },
      required: ['name'],
      additionalProperties: false,
    },
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
