import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Refuses a request with two lines of a header of which Node would quietly keep the first: a proxy in front may
 * have believed the other. HTTP/1.1 needs a Host (RFC 9112 section 3.2). Throws `bad_request`, and `twoCredentials`
 * for two credentials.
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
  // Node reads such bytes as Latin-1; a client that sends them means UTF-8 (RFC 3986 allows neither).
  if (/[^\x21-\x7e]/.test(request.url ?? '')) {
    throw new AppError('bad_request', 'The URL has bytes that must be percent-encoded.');
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new AppError('bad_request', 'The request has no Host header.');
  }
}
