// Suggestions while somebody fills in an argument.

/** How many the host passes on. */
const VALUES_MAX = 100;

export const NO_SUGGESTIONS = { values: [], total: 0, hasMore: false };

/** Those of `candidates` that begin with `value`, whatever their case. */
export function startingWith(value, candidates) {
  const beginning = value.toLowerCase();
  return [...candidates].filter((candidate) => candidate.toLowerCase().startsWith(beginning));
}

/** What a function may give back: a list of texts, or `{values, total, hasMore}`. */
export function completion(returned) {
  if (!Array.isArray(returned)) return { hasMore: false, ...returned };
  return { values: returned.slice(0, VALUES_MAX), total: returned.length, hasMore: returned.length > VALUES_MAX };
}
