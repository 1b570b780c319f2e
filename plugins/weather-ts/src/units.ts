// Temperatures and their units.

import { failed } from '@toolyard/plugin';
import * as z from 'zod';

export const Unit = z.enum(['celsius', 'fahrenheit', 'kelvin']);
type Unit = z.infer<typeof Unit>;

const ABSOLUTE_ZERO = 273.15;

export function convert(value: number, from: Unit, to: Unit): number {
  const celsius = { celsius: value, fahrenheit: ((value - 32) * 5) / 9, kelvin: value - ABSOLUTE_ZERO }[from];
  if (celsius + ABSOLUTE_ZERO < 0) throw failed('That is below absolute zero.');
  return rounded({ celsius, fahrenheit: (celsius * 9) / 5 + 32, kelvin: celsius + ABSOLUTE_ZERO }[to]);
}

/** Halves go up, below zero too. */
export function rounded(value: number): number {
  return Math.floor(value + 0.5);
}
