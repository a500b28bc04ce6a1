import type { ArtifactRecord } from '@proofhouse/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { requireKept, type Artifacts } from '../../artifacts/artifacts.ts';
import { sendBlob } from './send-blob.ts';

/** Sends the bytes of an artifact that may be read, at every door alike. Errors: `artifact_expired`, those of `sendBlob`. */
export function sendArtifact(
  request: FastifyRequest,
  reply: FastifyReply,
  artifacts: Artifacts,
  artifact: ArtifactRecord,
): Promise<FastifyReply> {
  requireKept(artifact);
  return sendBlob(request, reply, {
    blob: artifact.blob,
    contentType: artifact.contentType,
    filename: artifact.filename ?? 'artifact',
    open: (range) => artifacts.open(artifact, range),
  });
}
