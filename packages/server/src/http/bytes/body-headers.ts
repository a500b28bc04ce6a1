import type { IncomingMessage } from 'node:http';
import { AppError } from '@proofhouse/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;

/**
 * Refuses a body whose end cannot be determined, or with a transfer coding that the server does not decode. Errors:
 * `unsupported` (501: a transfer coding other than chunked, RFC 9112 section 6.1), `bad_request` (transfer codings in
 * HTTP/1.0).
 */
export function requireChunkedAtMost({ headers, httpVersion }: IncomingMessage): void {
  const codings = headers['transfer-encoding'];
  if (codings === undefined) return;
  if (httpVersion === '1.0') {
    throw new AppError('bad_request', 'A request of HTTP/1.0 has no transfer coding; send a Content-Length.');
  }
  const refusal = transferCodingRefusal(codings);
  if (refusal !== undefined) throw refusal;
}

/** The reason why a `Transfer-Encoding` is refused; undefined when it is `chunked`. */
export function transferCodingRefusal(codings: string): AppError | undefined {
  const names = codings.split(',').map((coding) => (coding.split(';', 1)[0] ?? '').trim().toLowerCase());
  if (names.length === 1 && names[0] === 'chunked') return undefined;
  const other = names.find((name) => name !== 'chunked');
  if (other === undefined || !names.every((name) => token.test(name))) {
    return new AppError('bad_request', 'The Transfer-Encoding cannot be read.');
  }
  return new AppError('unsupported', `The transfer coding ${other} is not supported; send the body plain or chunked.`);
}

/**
 * Refuses bodies that are not the complete, unencoded content, since they would be stored or parsed as if they were.
 * Errors: `unsupported_media_type` (`Content-Encoding`, RFC 9110 section 15.5.16), `bad_request` (`Content-Range`, section
 * 14.5).
 */
export function requireWholeBody({ headers }: FastifyRequest, reply: FastifyReply): void {
  const coding = headers['content-encoding'];
  if (isCoded(coding)) {
    void reply.header('accept-encoding', 'identity');
    throw new AppError('unsupported_media_type', 'A body with a Content-Encoding is not decoded; send it plain.');
  }
  if (headers['content-transfer-encoding'] !== undefined && isEncoded(headers['content-transfer-encoding'])) {
    throw new AppError(
      'unsupported_media_type',
      'A Content-Transfer-Encoding is not decoded; send the bytes themselves.',
    );
  }
  if (/digest|content-md5/i.test(headers.trailer ?? '')) {
    throw new AppError('bad_request', 'A digest in a trailer is not compared; send it as a header.');
  }
  if (headers['content-range'] !== undefined) {
    throw new AppError('bad_request', 'A part of a file (Content-Range) is not taken; send the whole file.');
  }
}

function isEncoded(coding: string | readonly string[]): boolean {
  return !['7bit', '8bit', 'binary'].includes(String(coding).trim().toLowerCase());
}

/** Whether a `Content-Encoding` names a coding; `identity` does not count. */
export function isCoded(contentEncoding: string | undefined): boolean {
  return (contentEncoding ?? '').split(',').some((coding) => !['', 'identity'].includes(coding.trim().toLowerCase()));
}
