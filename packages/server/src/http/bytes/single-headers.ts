import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Throws if a request has two Host or two Authorization headers. Node keeps only the first one, but a proxy in front of
 * the server may have used the second one. Also throws for an HTTP/1.1 request without Host (RFC 9112 section 3.2), and
 * for a URL with bytes that must be percent-encoded. Errors: `bad_request`, or `twoCredentials` for two Authorization
 * headers.
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
  // RFC 3986 does not allow non-ASCII bytes in a URL. Node decodes such bytes as Latin-1, but the client means UTF-8.
  if (/[^\x21-\x7e]/.test(request.url ?? '')) {
    throw new AppError('bad_request', 'The URL has bytes that must be percent-encoded.');
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new AppError('bad_request', 'The request has no Host header.');
  }
}
