// What a plugin can ask. Each question knows how the contract has it (`request`) and reads an answer (`read`), or throws
// why it is none.

import { bytes } from './content.js';
import { issues, jsonSchema } from './schema.js';

class Question {
  constructor(request, read) {
    this.request = request;
    this.read = read;
  }
}

export const isQuestion = (value) => value instanceof Question;

/** A form for the user. `schema` is an object of strings, numbers, booleans and choices, without nesting. */
export function form(message, schema) {
  const said = JSON.stringify(formSchema(jsonSchema(schema, 'a form')));
  return new Question({ tag: 'form', val: { message, schema: said } }, async (answer) => {
    const read = elicited(answer);
    if (read.action !== 'accept') return read;
    // A client may leave an empty form's content out.
    const outcome = await schema['~standard']?.validate(read.content ?? {});
    if (outcome?.issues) throw new TypeError(issues(outcome.issues));
    return { action: 'accept', content: outcome ? outcome.value : (read.content ?? {}) };
  });
}

/** Clients draw forms from a small part of JSON Schema, which has no word for what else there may be. */
function formSchema({ additionalProperties, ...schema }) {
  return schema;
}

/** A question with nothing to fill in: accepted or not. */
export function confirm(message) {
  const schema = '{"type":"object","properties":{}}';
  return new Question({ tag: 'form', val: { message, schema } }, (answer) => withoutContent(elicited(answer)));
}

/** A page for the user to open, such as a sign-in. The place for what is secret. */
export function url(message, address) {
  return new Question({ tag: 'url', val: { message, url: String(address) } }, (answer) => withoutContent(elicited(answer)));
}

const withoutContent = ({ action }) => ({ action });

function elicited(answer) {
  if (!['accept', 'decline', 'cancel'].includes(answer.action)) throw new TypeError('it has no known `action`');
  return answer.action === 'accept' ? { action: 'accept', content: answer.content } : { action: answer.action };
}

/** The folders the client works in: `{uri, name?}` each. */
export function roots() {
  return new Question({ tag: 'roots' }, (answer) => {
    if (!Array.isArray(answer.roots)) throw new TypeError('it has no `roots`');
    return answer.roots;
  });
}

/** What an answer may be long when nobody says: a page or so. */
const MAX_TOKENS = 1000;

/** Something for the client's model: a text, or `{prompt | messages, maxTokens, systemPrompt, tools, ...}`. */
export function sampling(request) {
  const { prompt, messages, maxTokens = MAX_TOKENS, tools, ...others } = typeof request === 'string' ? { prompt: request } : request;
  const said = messages ?? [{ role: 'user', content: prompt }];
  const params = { messages: said.map(message), maxTokens, ...others, ...(tools && { tools: tools.map(offered) }) };
  return new Question({ tag: 'sampling', val: JSON.stringify(params) }, sampled);
}

const message = ({ role, content }) => ({ role, content: Array.isArray(content) ? oneOrMore(content.map(block)) : block(content) });

/** Revisions before 2025-11-25 know one piece for a message. */
const oneOrMore = (blocks) => (blocks.length === 1 ? blocks[0] : blocks);

function block(piece) {
  if (typeof piece === 'string') return { type: 'text', text: piece };
  if (piece.type === 'image' || piece.type === 'audio') {
    return { type: piece.type, data: base64(bytes(piece.data)), mimeType: piece.mimeType };
  }
  if (piece.type === 'tool_result') return { ...piece, content: piece.content.map(block) };
  return { ...piece };
}

const offered = ({ name, description, input }) => ({ name, description, inputSchema: jsonSchema(input, `the tool \`${name}\``) });

function sampled({ role, content, model, stopReason }) {
  if (typeof role !== 'string' || typeof content !== 'object' || content === null) throw new TypeError('it is no message');
  const pieces = (Array.isArray(content) ? content : [content]).map(heard);
  const texts = pieces.filter((piece) => piece.type === 'text');
  return {
    role,
    content: pieces,
    model,
    stopReason,
    text: texts.map((piece) => piece.text).join('\n'),
    toolUses: pieces.filter((piece) => piece.type === 'tool_use'),
  };
}

function heard(piece) {
  if (piece.type !== 'image' && piece.type !== 'audio') return piece;
  return { ...piece, data: Uint8Array.from(atob(piece.data), (character) => character.charCodeAt(0)) };
}

function base64(data) {
  let binary = '';
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}
