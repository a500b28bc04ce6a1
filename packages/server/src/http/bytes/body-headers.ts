import type { IncomingMessage } from 'node:http';
import { AppError } from '@proofhouse/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;

/**
 * Throws if the request has a transfer coding other than `chunked`. Errors: `unsupported` (501: a coding that the
 * server does not decode, RFC 9112 section 6.1), `bad_request` (any transfer coding in HTTP/1.0, or a malformed
 * header). In the cases of `bad_request`, the end of the body would be unknown.
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

/** Returns the error for a refused `Transfer-Encoding` header. Returns undefined for `chunked`, which is accepted. */
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
 * Throws when the body is encoded or is only a part of the content. Otherwise the server would store or parse it as the
 * complete, plain content. Errors: `unsupported_media_type` (`Content-Encoding`, RFC 9110 section 15.5.16, or
 * `Content-Transfer-Encoding`), `bad_request` (`Content-Range`, section 14.5, or a digest in a trailer).
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

/** Returns true if a `Content-Encoding` header names a coding other than `identity`. */
export function isCoded(contentEncoding: string | undefined): boolean {
  return (contentEncoding ?? '').split(',').some((coding) => !['', 'identity'].includes(coding.trim().toLowerCase()));
}
