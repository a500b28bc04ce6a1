import { createHash } from 'node:crypto';
import { constants, createReadStream, openAsBlob } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError, digestOf, type ArtifactType, type Digest, type JobArtifact } from '@proofhouse/core';
import type { CallOptions } from '../../call.ts';
import type { ProofhouseClient } from '../../proofhouse-client.ts';

const pieceBytes = 256 * 1024;

export interface FileUpload {
  readonly path: string;
  /** Its name in the job. */
  readonly name: string;
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  readonly contentType?: string | undefined;
  /** At most 4096 bytes as JSON. Files with metadata are sent as a form. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** For files that somebody else may have put there: a symbolic link is refused. */
  readonly noFollow?: boolean | undefined;
  /** Hears the size before the first byte is sent, then how far it is. */
  readonly onProgress?: ((sentBytes: number, sizeBytes: number) => void) | undefined;
}

/**
 * Uploads a file with its digest, so that the server keeps exactly these bytes. It is read twice, in pieces: once to know
 * the digest, which a header has to carry in front, and once to send.
 */
export async function uploadFile(
  client: ProofhouseClient,
  jobId: string,
  file: FileUpload,
  options: CallOptions = {},
): Promise<JobArtifact> {
  const flags = constants.O_RDONLY | (file.noFollow === true ? constants.O_NOFOLLOW : 0);
  const { digest, sizeBytes } = await digestOfFile(file.path, flags, options.signal);
  const { name, type, title, contentType, metadata } = file;
  if (metadata !== undefined) {
    const blob = await openAsBlob(file.path);
    return client.artifacts.uploadForm(
      jobId,
      { name, type, title, contentType, metadata, digest, file: blob },
      options,
    );
  }
  const read = () =>
    createReadStream(file.path, { flags: flags as unknown as string, end: sizeBytes - 1, highWaterMark: pieceBytes });
  file.onProgress?.(0, sizeBytes);
  return client.artifacts.upload(
    jobId,
    {
      name,
      type,
      title,
      contentType,
      digest,
      sizeBytes,
      bytes: sizeBytes === 0 ? new Uint8Array() : read,
      onProgress: (sent) => file.onProgress?.(sent, sizeBytes),
    },
    options,
  );
}

async function digestOfFile(
  file: string,
  flags: number,
  signal: AbortSignal | undefined,
): Promise<{ digest: Digest; sizeBytes: number }> {
  const handle = await open(file, flags);
  try {
    if (!(await handle.stat()).isFile()) {
      throw new AppError('invalid_request', `${file} is not a regular file: only files can be uploaded.`);
    }
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const piece of handle.createReadStream({ autoClose: false, highWaterMark: pieceBytes, start: 0 })) {
      signal?.throwIfAborted();
      hash.update(piece as Buffer);
      sizeBytes += (piece as Buffer).length;
    }
    return { digest: digestOf(hash.digest('hex')), sizeBytes };
  } finally {
    await handle.close();
  }
}
