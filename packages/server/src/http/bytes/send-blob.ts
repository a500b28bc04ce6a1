import { Readable } from 'node:stream';
import { AppError, type BlobReference } from '@proofhouse/core';
import { isLendingStream, type ByteRange, type OpenedBlob } from '@proofhouse/blobs';
import { create as contentDisposition } from 'content-disposition';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RecycledBufferBody } from './recycled-buffer-body.ts';
import { decideRange, noneMatch } from './conditional.ts';

/** The blob to send, with the content type and the filename of its record. */
export interface SentBlob {
  readonly blob: Pick<BlobReference, 'sha256' | 'sizeBytes'>;
  /** The Content-Type header of the response, sent verbatim. */
  readonly contentType: string;
  readonly filename: string;
  /** True if a browser may show the blob. The caller must have chosen a `contentType` that is safe to show. */
  readonly inline?: true;
  readonly open: (range?: ByteRange) => Promise<OpenedBlob>;
}

/**
 * Sends a blob. Every download uses this function. The response is an attachment with `nosniff`, or for a preview
 * (`inline`) of a safe type, so that a browser does not run content that a worker deposited. The strong ETag and Repr-Digest (RFC 9530) are the sha256. Single ranges
 * and conditional requests are supported. HEAD does not open the blob. Errors: `range_not_satisfiable`,
 * `integrity_failure`.
 */
export async function sendBlob(request: FastifyRequest, reply: FastifyReply, sent: SentBlob): Promise<FastifyReply> {
  const { sha256, sizeBytes } = sent.blob;
  const etag = `"${sha256}"`;
  if (noneMatch(request.headers['if-none-match'], etag)) {
    describe(reply, sent, etag);
    reply.removeHeader('content-type');
    return reply.code(304).send();
  }
  if (request.method === 'HEAD') {
    describe(reply, sent, etag);
    return reply.header('content-length', sizeBytes).send();
  }
  const { range, 'if-range': ifRange } = request.headers;
  const wanted = decideRange({ range, ifRange: ifRange as string | undefined }, sizeBytes, etag);
  if (wanted.kind === 'unsatisfiable') {
    reply.header('content-range', `bytes */${String(sizeBytes)}`);
    throw new AppError('range_not_satisfiable', `The artifact has ${String(sizeBytes)} bytes.`);
  }
  const part = wanted.kind === 'part' ? wanted.range : undefined;
  const length = part === undefined ? sizeBytes : part.end - part.start + 1;
  const { body } = await sent.open(part);
  // The headers are set after the blob is open. Otherwise an error answer would have the filename, digest and ETag of
  // the blob.
  describe(reply, sent, etag);
  if (part !== undefined) {
    reply.code(206).header('content-range', `bytes ${String(part.start)}-${String(part.end)}/${String(sizeBytes)}`);
  }
  return reply.header('content-length', length).send(payloadOf(body, sent.contentType));
}

function payloadOf(body: Buffer | Readable, contentType: string): Buffer | Readable {
  // Fastify replaces a Content-Type that it cannot parse if the payload is a buffer. For a stream it keeps the
  // Content-Type.
  if (Buffer.isBuffer(body)) return mediaType.test(contentType) ? body : Readable.from([body]);
  return isLendingStream(body) ? new RecycledBufferBody(body) : body;
}

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

function describe(reply: FastifyReply, sent: SentBlob, etag: string): void {
  const base64 = Buffer.from(sent.blob.sha256, 'hex').toString('base64');
  reply
    .header('content-type', sent.contentType)
    .header(
      'content-disposition',
      contentDisposition(sent.filename, { type: sent.inline === true ? 'inline' : 'attachment' }),
    )
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
    .header('cache-control', 'private')
    .header('accept-ranges', 'bytes')
    .header('etag', etag)
    .header('repr-digest', `sha-256=:${base64}:`);
  if (sent.inline === true) reply.header('cross-origin-resource-policy', 'same-origin');
}
