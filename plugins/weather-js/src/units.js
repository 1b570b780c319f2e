// Temperatures and their units.

import { failed } from '@toolyard/plugin';

export const UNITS = ['celsius', 'fahrenheit', 'kelvin'];

const ABSOLUTE_ZERO = 273.15;

export function convert(value, from, to) {
  const celsius = { celsius: value, fahrenheit: ((value - 32) * 5) / 9, kelvin: value - ABSOLUTE_ZERO }[from];
  if (celsius + ABSOLUTE_ZERO < 0) throw failed('That is below absolute zero.');
  return rounded({ celsius, fahrenheit: (celsius * 9) / 5 + 32, kelvin: celsius + ABSOLUTE_ZERO }[to]);
}

/** Halves go up, below zero too. */
export const rounded = (value) => Math.floor(value + 0.5);
