import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Refuses a request that repeats a header of which Node keeps only the first value, since a proxy in front may have used
 * the other. HTTP/1.1 requires a Host (RFC 9112 section 3.2). Errors: `bad_request`; two credentials: `twoCredentials`.
 */
export function requireSingleHeaders(request: IncomingMessage, twoCredentials: ErrorCode = 'bad_request'): void {
  let hosts = 0;
  let credentials = 0;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index]?.toLowerCase();
    if (name === 'host') hosts += 1;
    else if (name === 'authorization') credentials += 1;
  }
  if (hosts > 1) throw new AppError('bad_request', 'The request has more than one host header.');
  if (credentials > 1) throw new AppError(twoCredentials, 'The request has more than one authorization header.');
  // Node decodes such bytes as Latin-1, while clients that send them mean UTF-8 (RFC 3986 allows neither).
  if (/[^\x21-\x7e]/.test(request.url ?? '')) {
    throw new AppError('bad_request', 'The URL has bytes that must be percent-encoded.');
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new AppError('bad_request', 'The request has no Host header.');
  }
}
