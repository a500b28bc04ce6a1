import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { digestOf, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import { requireSameDigest, type CallOptions, type ProofhouseClient } from '@proofhouse/client';

interface StreamUpload {
  readonly name: string;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  readonly stream: Readable;
}

/**
 * Uploads a stream that can be read only once. Its digest is known only after the last byte, too late for a header. So
 * it is compared with the digest in the server's answer.
 */
export async function streamUpload(
  client: ProofhouseClient,
  jobId: string,
  upload: StreamUpload,
  options: CallOptions,
): Promise<JobArtifact> {
  const hash = createHash('sha256');
  const { stream, ...labels } = upload;
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of stream) {
      hash.update(piece as Buffer);
      yield piece as Buffer;
    }
  };
  const artifact = await client.artifacts.upload(jobId, { ...labels, bytes: bytes() }, options);
  const sent = digestOf(hash.digest('hex'));
  requireSameDigest(`The server stored other bytes as ${artifact.name}`, sent, artifact.digest);
  return artifact;
}
