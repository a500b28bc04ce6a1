import { AppError } from '@proofhouse/core';

/**
 * Returns the base URL without a trailing slash. It may have a base path (`https://host/work`). Throws
 * `invalid_request` for a scheme other than http or https, and for a URL with a user, a password, a query or a
 * fragment.
 */
export function parseBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw wrongUrl('it is not an http:// or https:// address');
  }
  if (url.username !== '' || url.password !== '') throw wrongUrl('it contains a user or a password: give the token');
  if (url.search !== '' || url.hash !== '') throw wrongUrl('it has a query or a fragment');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

// The message must not contain the given URL, because it may contain credentials.
function wrongUrl(why: string): AppError {
  return new AppError(
    'invalid_request',
    `The server's URL cannot be used: ${why}. Use one such as http://127.0.0.1:8750.`,
    { errors: [{ path: 'url', message: why }] },
  );
}
