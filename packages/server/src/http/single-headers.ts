import type { IncomingMessage } from 'node:http';
import { AppError } from '@proofhouse/core';

/**
 * Refuses a request with two lines of a header of which Node would quietly keep the first: a proxy in front may
 * have believed the other. HTTP/1.1 needs a Host (RFC 9112 section 3.2). Throws `bad_request`.
 */
export function requireSingleHeaders(request: IncomingMessage): void {
  for (const name of ['host', 'authorization']) {
    const count = request.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
    if (count > 1) throw new AppError('bad_request', `The request has more than one ${name} header.`);
  }
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new AppError('bad_request', 'The request has no Host header.');
  }
}
