// Resources: what clients can read by URI, one by one, as families, and how they are listed.

import { invalidArguments } from './errors.js';
import { known } from './options.js';
import { uriTemplate } from './uri.js';
import * as wire from './wire.js';

const OPTIONS = new Set([
  'uri', 'uriTemplate', 'prefix', 'name', 'title', 'description', 'mimeType', 'size', 'icons', 'annotations', 'meta', 'complete',
]);

/** A resource at a `uri`, those that fit a `uriTemplate`, or all that begin with a `prefix`; and the function that reads it. */
export function resource(about, run) {
  const at = about.uri ?? about.uriTemplate ?? about.prefix;
  const whose = `the resource \`${at}\``;
  known(OPTIONS, about, whose);
  const places = [about.uri, about.uriTemplate, about.prefix].filter((place) => place !== undefined);
  if (places.length !== 1) throw new TypeError(`${whose}: give it a \`uri\`, a \`uriTemplate\`, or a \`prefix\``);
  if (about.prefix === undefined && !about.name) throw new TypeError(`${whose} has no name`);
  if (typeof run !== 'function') throw new TypeError(`${whose} has no function`);
  return { ...about, run, ...place(about) };
}

function place({ uri, uriTemplate: template, prefix }) {
  if (uri !== undefined) return { beginning: uri, match: (asked) => (asked === uri ? {} : undefined) };
  if (prefix !== undefined) return { beginning: prefix, match: (asked) => (asked.startsWith(prefix) ? {} : undefined) };
  const { beginning, match } = uriTemplate(template);
  return { beginning, match };
}

/** A function that lists resources which are known only when it is asked. */
export class ResourceList {
  constructor(list) {
    if (typeof list !== 'function') throw new TypeError('resourceList() takes a function');
    this.list = list;
  }
}

/** A part of the list: first what has a URI of its own, then what the listing functions tell of, one after the other. */
export async function listed(resources, lists, cursor, context) {
  let [index, own] = cursor === undefined ? [0, undefined] : position(cursor, lists);
  const page = cursor === undefined ? resources.filter(({ uri }) => uri !== undefined).map(wire.resource) : [];
  for (; index < lists.length; index += 1) {
    const given = await lists[index].list(context, own);
    const { resources: more, next } = Array.isArray(given) ? { resources: given } : given;
    page.push(...more.map(wire.resource));
    if (next !== undefined && next !== null) return { resources: page, next: `${index}:${next}` };
    own = undefined;
  }
  return { resources: page };
}

/** A cursor says which function is to go on, and in its own words where. */
function position(cursor, lists) {
  const [, index, own] = /^(\d+):(.*)$/s.exec(cursor) ?? [];
  if (!(Number(index) < lists.length)) throw invalidArguments('the cursor is none that this list gave out');
  return [Number(index), own];
}

/** What is at `uri`, or `undefined`. */
export async function read(resources, uri, context) {
  for (const resource of resources) {
    const variables = resource.match(uri);
    const given = variables && (await resource.run(variables, context, uri));
    if (given === undefined || given === null) continue;
    const all = contents(given);
    if (all.length > 0) return all.map((one) => wire.contents({ uri, mimeType: resource.mimeType, ...one }));
  }
  return undefined;
}

/** What a function may give back: text, bytes, `{text}` or `{blob}` with a `mimeType`, several of these, or data. */
function contents(given) {
  if (Array.isArray(given) && given.every(isContents)) return given;
  if (typeof given === 'string') return [{ text: given }];
  if (given instanceof Uint8Array || given instanceof ArrayBuffer) return [{ blob: given }];
  return isContents(given) ? [given] : [{ text: JSON.stringify(given) }];
}

const isContents = (value) => typeof value?.text === 'string' || value?.blob !== undefined;
