// What a plugin imports from '@toolyard/plugin'.

export { plugin, prompt, resource, resourceList, tool } from './plugin.js';
export { audio, embedded, image, resourceLink, result, text } from './content.js';
export { startingWith } from './completion.js';
export { denied, failed, internal, invalidArguments, notFound, retryable, ToolError } from './errors.js';
export { confirm, form, roots, sampling, url } from './questions.js';
export * as config from './config.js';
export * as keyvalue from './keyvalue.js';
export * as log from './log.js';
