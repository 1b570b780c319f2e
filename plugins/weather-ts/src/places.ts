// The places that are kept: a key for each.

import { keyvalue } from '@toolyard/plugin';

export interface Coordinates {
  latitude: number;
  longitude: number;
}

const PREFIX = 'place.';

export const keyOf = (name: string) => PREFIX + name;

export function keep(name: string, coordinates: Coordinates): void {
  keyvalue.open().setJson(keyOf(name), coordinates);
}

/** The names, sorted by code point as the store's keys are. */
export function kept(): string[] {
  const keys = [...keyvalue.open().keys()];
  return keys.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length)).sort(byCodePoint);
}

/** Where a place that was kept is. */
export function coordinatesOf(name: string): Coordinates | undefined {
  return keyvalue.open().getJson<Coordinates>(keyOf(name));
}

/** `sort` alone goes by UTF-16, which has another order beyond U+FFFF. */
function byCodePoint(one: string, other: string): number {
  const others = [...other];
  const codes = [...one].map((character, at) => (character.codePointAt(0) ?? 0) - (others[at]?.codePointAt(0) ?? -1));
  return codes.find((difference) => difference !== 0) ?? one.length - other.length;
}
