// JSON Schemas in few words.

export const string = (description, bounds) => ({ type: 'string', ...bounds, description });
export const integer = (description, bounds) => ({ type: 'integer', ...bounds, description });

/** An object that has all of these. */
export const object = (properties) => ({ type: 'object', properties, required: Object.keys(properties) });

/** A tool's arguments: these and no others, of which those with a default may be left out. */
export function arguments_(properties) {
  const required = Object.keys(properties).filter((name) => !('default' in properties[name]));
  return { type: 'object', properties, required, additionalProperties: false };
}
