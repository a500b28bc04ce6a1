import { AppError, defaultContentType, previewTypeOf, type ArtifactRecord } from '@proofhouse/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { requireKept, type Artifacts } from '../../artifacts/artifacts.ts';
import { sendBlob } from './send-blob.ts';

/**
 * Sends the bytes of an artifact. All routes that send artifacts use this function. The caller must have checked the
 * access. Errors: `not_owned`, `artifact_expired`, those of `sendBlob`.
 */
export function sendArtifact(
  request: FastifyRequest,
  reply: FastifyReply,
  artifacts: Artifacts,
  artifact: ArtifactRecord,
): Promise<FastifyReply> {
  const blob = requireKept(artifact);
  return sendBlob(request, reply, {
    blob,
    contentType: artifact.contentType ?? defaultContentType,
    filename: artifact.filename ?? 'artifact',
    open: (range) => artifacts.open(artifact, range),
  });
}

/**
 * Sends the bytes of an artifact so that a browser shows them. The caller must have checked the access. Errors:
 * `not_owned`, `artifact_expired`, `unsupported_media_type` (content of this type has no preview), those of `sendBlob`.
 */
export function sendPreview(
  request: FastifyRequest,
  reply: FastifyReply,
  artifacts: Artifacts,
  artifact: ArtifactRecord,
): Promise<FastifyReply> {
  const blob = requireKept(artifact);
  const contentType = previewTypeOf(artifact.contentType);
  if (contentType === undefined) {
    const type = artifact.contentType ?? defaultContentType;
    throw new AppError('unsupported_media_type', `Content of the type ${type} has no preview; download it instead.`);
  }
  return sendBlob(request, reply, {
    blob,
    contentType,
    filename: artifact.filename ?? 'artifact',
    inline: true,
    open: (range) => artifacts.open(artifact, range),
  });
}
