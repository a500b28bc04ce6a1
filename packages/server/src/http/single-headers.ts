import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode } from '@proofhouse/core';

/**
 * Refuses a request with two lines of a header of which Node would quietly keep the first: a proxy in front may
 * have believed the other. HTTP/1.1 needs a Host (RFC 9112 section 3.2). Throws `bad_request`, and `twoCredentials`
 * for two credentials.
 */
export function requireSingleHeaders(request: IncomingMessage, twoCredentials: ErrorCode = 'bad_request'): void {
  for (const name of ['host', 'authorization']) {
    const count = request.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
    if (count <= 1) continue;
    const code = name === 'authorization' ? twoCredentials : 'bad_request';
    throw new AppError(code, `The request has more than one ${name} header.`);
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new AppError('bad_request', 'The request has no Host header.');
  }
}
