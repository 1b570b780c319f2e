// Temperatures as bars, and all other kinds of content.

import { audio, embedded, image, resourceLink, text, tool } from '@toolyard/plugin';
import { arguments_ } from './schema.js';

export const chart = tool(
  {
    name: 'chart',
    description: 'Draws temperatures as bars.',
    input: arguments_({
      highs: { type: 'array', items: { type: 'integer', minimum: -60, maximum: 60 }, minItems: 1, maxItems: 14, description: 'The temperatures.' },
    }),
    readOnly: true,
    idempotent: true,
    openWorld: false,
  },
  ({ highs }) => [
    text(`Highest ${Math.max(...highs)}, lowest ${Math.min(...highs)}.`, { annotations: { audience: ['user'], priority: 0.5 } }),
    image(svg(highs), 'image/svg+xml'),
    audio(silence(), 'audio/wav'),
    resourceLink({ uri: 'weather://about', name: 'about', mimeType: 'text/plain' }),
    embedded({ uri: 'weather://chart', mimeType: 'text/csv', text: `${highs.join(',')}\n` }),
  ],
);

function svg(highs) {
  const bars = highs.map((value, index) => {
    const height = value + 60;
    return `<rect x="${20 * index}" y="${120 - height}" width="18" height="${height}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${20 * highs.length}" height="120">${bars.join('')}</svg>`;
}

/** The header of a WAV file with nothing in it: mono, 8 bits, 8000 Hz. */
function silence() {
  const header = new DataView(new ArrayBuffer(44));
  const word = (at, letters) => [...letters].forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  word(0, 'RIFF');
  header.setUint32(4, 36, true);
  word(8, 'WAVEfmt ');
  header.setUint32(16, 16, true);
  // PCM, one channel.
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, 8000, true);
  header.setUint32(28, 8000, true);
  // A byte for each sample, of 8 bits.
  header.setUint16(32, 1, true);
  header.setUint16(34, 8, true);
  word(36, 'data');
  return new Uint8Array(header.buffer);
}
