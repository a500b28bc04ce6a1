import { createHash } from 'node:crypto';
import type { BlobBackend } from '@proofhouse/blobs';
import { isAppError } from '@proofhouse/core';
import type { NamedBlob } from './database-archive.ts';

export interface CopiedBlobs {
  /** Number of the requested blobs that the target has after the call. It includes those that the target had before. */
  readonly count: number;
  /** Total size in bytes of the blobs that `count` counts. */
  readonly sizeBytes: number;
  /** The sha256 of the list of the blobs that `count` counts. `manifestSchema` describes the list. */
  readonly sha256: string;
  /** Total size in bytes of the blobs that were copied because the target did not have them. */
  readonly copiedBytes: number;
  /** Blobs that were not copied because they are missing or damaged in the source. */
  readonly lost: readonly NamedBlob[];
}

export interface BlobCopying {
  readonly from: BlobBackend;
  readonly to: BlobBackend;
  readonly blobs: Iterable<NamedBlob>;
  /** True if the blobs that the target already has must be hashed. If false, only their size is compared. */
  readonly verify: boolean;
  /** Called for a damaged blob of the target. Must remove the blob, so that the undamaged one can be copied. */
  readonly onWrong: (blob: NamedBlob) => Promise<void>;
  readonly onProgress?: ((done: { readonly count: number; readonly copiedBytes: number }) => void) | undefined;
}

const atOnce = 8;

/**
 * Copies the blobs that the target does not have. Each blob is hashed while it is copied. The copy is kept only if its
 * sha256 is that of the record.
 */
export async function copyBlobs(copying: BlobCopying): Promise<CopiedBlobs> {
  const digest = createHash('sha256');
  const lost: NamedBlob[] = [];
  let [count, sizeBytes, copiedBytes] = [0, 0, 0];
  let batch: NamedBlob[] = [];
  const flush = async (): Promise<void> => {
    const outcomes = await Promise.all(batch.map((blob) => copyOne(copying, blob)));
    for (const [index, blob] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === 'lost') {
        lost.push(blob);
        continue;
      }
      digest.update(`${blob.key} ${blob.sha256} ${String(blob.sizeBytes)}\n`);
      count += 1;
      sizeBytes += blob.sizeBytes;
      copiedBytes += outcome === 'copied' ? blob.sizeBytes : 0;
    }
    batch = [];
    copying.onProgress?.({ count, copiedBytes });
  };
  for (const blob of copying.blobs) {
    batch.push(blob);
    if (batch.length >= atOnce) await flush();
  }
  await flush();
  return { count, sizeBytes, sha256: digest.digest('hex'), copiedBytes, lost };
}

/** Returns true if the backend has the blob, with the size and the sha256 of the record. */
async function isWhole(backend: BlobBackend, blob: NamedBlob): Promise<boolean> {
  return (await hashOf(backend, blob, () => Promise.resolve())) === blob.sha256;
}

async function copyOne(copying: BlobCopying, blob: NamedBlob): Promise<'there' | 'copied' | 'lost'> {
  const { from, to, verify, onWrong } = copying;
  const there = await statOf(to, blob);
  if (there !== undefined) {
    const isRight = there === blob.sizeBytes && (!verify || (await isWhole(to, blob)));
    if (isRight) return 'there';
    // The damaged blob of the target is removed only if the source has an undamaged copy of it.
    if (!(await isWhole(from, blob))) return 'lost';
    await onWrong(blob);
  }
  const writer = await to.create(blob.key);
  try {
    const sha256 = await hashOf(from, blob, (piece) => writer.write(piece));
    if (sha256 !== blob.sha256) {
      await writer.abort();
      return 'lost';
    }
    await writer.commit();
    return 'copied';
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Returns the size of the stored blob. Returns -1 if it is not a plain file, and undefined if there is no blob. */
async function statOf(backend: BlobBackend, { key }: NamedBlob): Promise<number | undefined> {
  try {
    return (await backend.stat(key))?.sizeBytes;
  } catch (error) {
    if (isAppError(error, 'integrity_failure')) return -1;
    throw error;
  }
}

/**
 * Reads a blob, passes its bytes to `take`, and returns its sha256 in hex. Returns undefined if the blob is missing, has
 * another size than its record, or is not a plain file.
 */
async function hashOf(
  backend: BlobBackend,
  { key, sizeBytes }: NamedBlob,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<string | undefined> {
  try {
    const { stat, body } = await backend.read(key);
    if (stat.sizeBytes !== sizeBytes) {
      if (!Buffer.isBuffer(body)) body.destroy();
      return undefined;
    }
    const digest = createHash('sha256');
    for await (const piece of Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Uint8Array>)) {
      digest.update(piece);
      await take(piece);
    }
    return digest.digest('hex');
  } catch (error) {
    if (isAppError(error, 'not_found') || isAppError(error, 'integrity_failure')) return undefined;
    throw error;
  }
}
