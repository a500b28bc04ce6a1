import { createHash } from 'node:crypto';
import { digestOf, type ArtifactType, type JobArtifact } from '@proofhouse/core';
import type { CallOptions } from '../../transport/call.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';
import { EvidenceFile } from './evidence-file.ts';

/** The fields of an artifact record that the uploader chooses, and the callback for progress. */
export interface ArtifactAbout {
  /** Name of the artifact in the job. */
  readonly name: string;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  /** Values that are stored in the artifact record. At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Called with 0 and the size before the first byte is sent, and then with the number of bytes sent so far. */
  readonly onProgress?: ((sentBytes: number, sizeBytes: number) => void) | undefined;
}

export interface FileUpload extends ArtifactAbout {
  readonly path: string;
  /** True to throw for a symbolic link. Use it for files that another party may have created. */
  readonly noFollow?: boolean | undefined;
}

/**
 * Uploads a file with its digest, so that the server stores exactly these bytes. The file is read twice, in pieces: once for
 * the digest, which is sent in a header before the body, and once for the body.
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

/** Uploads the bytes that `read` yields, with their digest. `read` is called twice, and once more for each retry. */
async function uploadPieces(
  client: ProofhouseClient,
  jobId: string,
  { read, ...about }: ArtifactAbout & { readonly read: () => AsyncIterable<Uint8Array> },
  options: CallOptions = {},
): Promise<JobArtifact> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of read()) {
    options.signal?.throwIfAborted();
    hash.update(piece);
    sizeBytes += piece.length;
  }
  return uploadMeasured(client, jobId, { ...about, read, digest: digestOf(hash.digest('hex')), sizeBytes }, options);
}

/** Bytes whose size and digest are known. `read` is called once, and once more for each retry. */
interface MeasuredBytes {
  readonly read: () => AsyncIterable<Uint8Array>;
  /** As `sha256:<hex>`. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Uploads bytes whose digest is known. The server refuses bytes with another digest. */
export async function uploadMeasured(
  client: ProofhouseClient,
  jobId: string,
  { read, digest, sizeBytes, onProgress, ...about }: ArtifactAbout & MeasuredBytes,
  options: CallOptions = {},
): Promise<JobArtifact> {
  onProgress?.(0, sizeBytes);
  return client.artifacts.upload(
    jobId,
    {
      ...about,
      digest,
      sizeBytes,
      bytes: sizeBytes === 0 ? new Uint8Array() : read,
      onProgress: (sent) => onProgress?.(sent, sizeBytes),
    },
    options,
  );
}
