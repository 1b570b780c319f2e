// URIs held against a template (RFC 6570, as far as it can be read backwards).

const EXPRESSION = /\{([?+]?)([A-Za-z0-9_.,]+)\}/g;

/** Takes a template apart into its beginning, and a function from a URI to its variables, or `undefined`. */
export function uriTemplate(template) {
  const names = [];
  let pattern = '';
  let query = [];
  let end = 0;
  for (const found of template.matchAll(EXPRESSION)) {
    const [whole, operator, list] = found;
    pattern += literal(template.slice(end, found.index));
    end = found.index + whole.length;
    if (operator === '?') {
      if (end !== template.length) throw new TypeError(`the template \`${template}\`: \`${whole}\` stands at the end`);
      query = list.split(',');
      pattern += '(?:\\?(.*))?';
    } else {
      names.push(list);
      pattern += operator === '+' ? '(.+?)' : '([^/?#]+?)';
    }
  }
  const rest = template.slice(end);
  if (/[{}]/.test(template.replace(EXPRESSION, ''))) {
    throw new TypeError(`the template \`${template}\` has more in it than {name}, {+name} and, at its end, {?one,two}`);
  }
  const fits = new RegExp(`^${pattern}${literal(rest)}$`, 's');
  const [beginning] = template.split('{');
  return { beginning, names: [...names, ...query], match: (uri) => variables(fits.exec(uri), names, query) };
}

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

function variables(found, names, query) {
  if (!found) return undefined;
  try {
    const pairs = names.map((name, index) => [name, decodeURIComponent(found[index + 1])]);
    for (const part of found[names.length + 1]?.split('&') ?? []) {
      const [name, value = ''] = part.split(/=(.*)/s);
      // Others may be for somebody between the client and us.
      if (query.includes(name)) pairs.push([name, decodeURIComponent(value)]);
    }
    return Object.fromEntries(pairs);
  } catch {
    // Not well encoded: nobody's URI.
    return undefined;
  }
}
