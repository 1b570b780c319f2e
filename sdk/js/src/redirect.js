// Following redirects: RFC 9110, section 15.4.

import { FetchError } from './fetch-error.js';

/** As browsers have it. */
const REDIRECTS_MAX = 20;
const REDIRECTS = [301, 302, 303, 307, 308];
/** Headers that are meant for the server they were written for. */
const CREDENTIALS = ['authorization', 'cookie', 'cookie2', 'proxy-authorization'];

/** Sends `first` by `exchange`, and goes on to where the server sends it. */
export async function follow(first, exchange) {
  let request = first;
  for (let redirects = 0; ; redirects += 1) {
    const response = await exchange(request, redirects > 0);
    const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null;
    if (location === null || first.redirect === 'manual') return response;
    if (first.redirect === 'error') throw new FetchError('redirect', 'the server redirects, which is not wanted');
    if (redirects === REDIRECTS_MAX) throw new FetchError('redirect', `there are more than ${REDIRECTS_MAX} redirects`);
    // What is open counts. StarlingMonkey only lets go what was read.
    await response.arrayBuffer();
    request = redirected(request, response.status, location);
  }
}

function redirected({ url, method, headers, signal, redirect, body }, status, location) {
  const from = new URL(url);
  const to = new URL(location, from);
  const kept = new Headers(headers);
  if (to.origin !== from.origin) CREDENTIALS.forEach((name) => kept.delete(name));
  // 307 and 308 say: the same again. The others mean that what was posted arrived, and the answer is elsewhere.
  const again = status === 307 || status === 308 || method === 'GET' || method === 'HEAD';
  if (again) return { url: to.href, method, headers: kept, signal, redirect, body };
  [...kept.keys()].filter((name) => name.startsWith('content-')).forEach((name) => kept.delete(name));
  return { url: to.href, method: 'GET', headers: kept, signal, redirect };
}
