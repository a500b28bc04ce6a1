import { Readable } from 'node:stream';
import { AppError, type BlobReference } from '@proofhouse/core';
import { isLendingStream, type ByteRange, type OpenedBlob } from '@proofhouse/blobs';
import { create as contentDisposition } from 'content-disposition';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RecycledBufferBody } from './recycled-buffer-body.ts';
import { decideRange, noneMatch } from './conditional.ts';

/** The blob to send, and the recorded facts about it. */
export interface SentBlob {
  readonly blob: Pick<BlobReference, 'sha256' | 'sizeBytes'>;
  /** Sent verbatim. */
  readonly contentType: string;
  readonly filename: string;
  readonly open: (range?: ByteRange) => Promise<OpenedBlob>;
}

/**
 * Sends a blob; every download uses it. Always as an attachment with `nosniff`, so that a browser does not run content that
 * a worker deposited. Strong ETag and Repr-Digest (RFC 9530) from the sha256; single ranges; conditional requests; HEAD
 * without opening the blob. Errors: `range_not_satisfiable`, `integrity_failure`.
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
  // After the blob is open: a problem document must not carry the name, the digest and the ETag of the bytes.
  describe(reply, sent, etag);
  if (part !== undefined) {
    reply.code(206).header('content-range', `bytes ${String(part.start)}-${String(part.end)}/${String(sizeBytes)}`);
  }
  return reply.header('content-length', length).send(payloadOf(body, sent.contentType));
}

function payloadOf(body: Buffer | Readable, contentType: string): Buffer | Readable {
  // Fastify replaces a content type that it cannot parse for a buffer, but not for a stream.
  if (Buffer.isBuffer(body)) return mediaType.test(contentType) ? body : Readable.from([body]);
  return isLendingStream(body) ? new RecycledBufferBody(body) : body;
}

const mediaType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

function describe(reply: FastifyReply, sent: SentBlob, etag: string): void {
  const base64 = Buffer.from(sent.blob.sha256, 'hex').toString('base64');
  reply
    .header('content-type', sent.contentType)
    .header('content-disposition', contentDisposition(sent.filename))
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
    .header('cache-control', 'private')
    .header('accept-ranges', 'bytes')
    .header('etag', etag)
    .header('repr-digest', `sha-256=:${base64}:`);
}
