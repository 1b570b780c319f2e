// Schemas: JSON Schema as it stands, or anything that says itself as such (Standard JSON Schema, as zod 4.2 and newer do).

import { invalidArguments } from './errors.js';
import { after } from './settled.js';

const WITHIN_ONE = ['additionalProperties', 'contains', 'else', 'if', 'items', 'not', 'propertyNames', 'then'];
const WITHIN_LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const WITHIN_MAP = ['$defs', 'definitions', 'patternProperties', 'properties'];

const standard = (schema) => schema?.['~standard'];

/** The JSON Schema of `schema`. What is not known of `whose` is said as an error, when the plugin is built. */
export function jsonSchema(schema, whose) {
  const described = standard(schema);
  if (!described) {
    if (typeof schema === 'object' && schema !== null) return schema;
    throw new TypeError(`${whose}: a schema is a JSON Schema object or a schema of a library such as zod`);
  }
  if (!described.jsonSchema) {
    throw new TypeError(
      `${whose}: schemas of ${described.vendor} do not say themselves as JSON Schema here; use zod 4.2 or newer, or write JSON Schema`,
    );
  }
  const { $schema, ...said } = structuredCopy(described.jsonSchema.input({ target: 'draft-2020-12' }));
  tidy(said);
  return said;
}

/** The schema of a tool's arguments. A misspelt argument would otherwise be ignored without a word. */
export function inputSchema(schema, whose) {
  if (schema === undefined) return { type: 'object', properties: {}, additionalProperties: false };
  const said = jsonSchema(schema, whose);
  if (said.type !== 'object') throw new TypeError(`${whose}: the schema of arguments is that of an object`);
  return standard(schema) && said.additionalProperties === undefined ? { ...said, additionalProperties: false } : said;
}

const structuredCopy = (value) => JSON.parse(JSON.stringify(value));

/** Takes out what libraries say of every integer: that JavaScript can count that far. */
function tidy(schema) {
  if (typeof schema !== 'object' || schema === null) return;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  for (const key of WITHIN_ONE) tidy(schema[key]);
  for (const key of WITHIN_LIST) for (const part of schema[key] ?? []) tidy(part);
  for (const key of WITHIN_MAP) for (const part of Object.values(schema[key] ?? {})) tidy(part);
}

/**
 * What makes arguments as the function wants them. The host has held them against the JSON Schema; what is left are defaults, and
 * what a library's schema makes of them. Made when the plugin is built, so that a call need not look for what there is to do.
 */
export function decoder(schema) {
  const described = standard(schema);
  if (!described) return withDefaults(schema);
  return (value) => after(described.validate(value), (outcome) => {
    if (!outcome.issues) return outcome.value;
    throw invalidArguments(issues(outcome.issues));
  });
}

/** What is wrong, in words. */
export function issues(list) {
  const said = list.map(({ path = [], message }) => {
    const where = path.map((part) => (typeof part === 'object' ? part.key : part)).join('.');
    return where ? `\`${where}\`: ${message}` : message;
  });
  return said.join('; ');
}

function withDefaults(schema) {
  const properties = Object.entries(schema?.properties ?? {});
  const defaults = properties.filter(([, { default: fallback }]) => fallback !== undefined).map(([name, property]) => [name, property.default]);
  if (defaults.length === 0) return (value) => value;
  return (value) => {
    const missing = defaults.filter(([name]) => !(name in value));
    if (missing.length === 0) return value;
    return { ...value, ...Object.fromEntries(missing.map(([name, fallback]) => [name, structuredCopy(fallback)])) };
  };
}
