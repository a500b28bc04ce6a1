import { createHash } from 'node:crypto';
import { digestOf, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import type { CallOptions } from '../../transport/call.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import { EvidenceFile } from './evidence-file.ts';

/** An artifact as its job shows it. */
export interface ArtifactAbout {
  /** Its name in the job. */
  readonly name: string;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  /** At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Called with the size before the first byte is sent, then with how far it is. */
  readonly onProgress?: ((sentBytes: number, sizeBytes: number) => void) | undefined;
}

export interface FileUpload extends ArtifactAbout {
  readonly path: string;
  /** For files that somebody else may have put there: a symbolic link is refused. */
  readonly noFollow?: boolean | undefined;
}

/**
 * Uploads a file with its digest, so that the server keeps exactly these bytes. It is read twice, in pieces: once to know
 * the digest, which a header has to carry in front, and once to send.
 */
export async function uploadFile(
  client: ProofhouseClient,
  jobId: string,
  { path, noFollow, ...about }: FileUpload,
  options: CallOptions = {},
): Promise<JobArtifact> {
  const file = await EvidenceFile.open(path, { noFollow });
  try {
    return await uploadPieces(client, jobId, { ...about, read: () => file.read() }, options);
  } finally {
    await file.close();
  }
}

/** Uploads what `read` gives, with its digest. It is called twice, and again for each repeated try. */
export async function uploadPieces(
  client: ProofhouseClient,
  jobId: string,
  { read, onProgress, ...about }: ArtifactAbout & { readonly read: () => AsyncIterable<Uint8Array> },
  options: CallOptions = {},
): Promise<JobArtifact> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of read()) {
    options.signal?.throwIfAborted();
    hash.update(piece);
    sizeBytes += piece.length;
  }
  onProgress?.(0, sizeBytes);
  return client.artifacts.upload(
    jobId,
    {
      ...about,
      digest: digestOf(hash.digest('hex')),
      sizeBytes,
      bytes: sizeBytes === 0 ? new Uint8Array() : read,
      onProgress: (sent) => onProgress?.(sent, sizeBytes),
    },
    options,
  );
}
