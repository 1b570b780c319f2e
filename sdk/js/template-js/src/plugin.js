import { plugin, tool } from '@toolyard/plugin';

const greet = tool(
  {
    name: 'greet',
    description: 'Greets somebody.',
    input: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, description: 'Whom to greet.' },
        loudly: { type: 'boolean', default: false, description: 'Whether to shout.' },
      },
      required: ['name'],
      additionalProperties: false,
    },
    readOnly: true,
    openWorld: false,
  },
  ({ name, loudly }) => (loudly ? `HELLO, ${name.toUpperCase()}!` : `Hello, ${name}!`),
);

export default plugin({ tools: [greet] });
