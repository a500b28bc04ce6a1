import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { link, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { AppError, digestOf, type Digest } from '@proofhouse/core';
import { requireSameDigest, systemRandom, type Download } from '@proofhouse/client';

export interface ReceivedFile {
  readonly sizeBytes: number;
  readonly digest: Digest;
  /** True if the server declared a digest and the received bytes have it. */
  readonly verified: boolean;
}

type OnBytes = (receivedBytes: number) => void;

/**
 * Saves a download as the file `target`, atomically. The bytes are written to a temporary file in the same folder,
 * verified and synced. Then the file is renamed. An existing file is replaced only if `force` is true.
 */
export async function saveDownload(
  download: Download,
  target: string,
  force: boolean,
  onBytes: OnBytes,
): Promise<ReceivedFile> {
  const mark = systemRandom.idempotencyKey().slice(0, 12);
  const part = path.join(path.dirname(target), `.${path.basename(target).slice(0, 200)}.${mark}.part`);
  try {
    const file = await open(part, 'wx');
    let received: ReceivedFile;
    try {
      received = await receive(download, onBytes, async (piece) => {
        await file.writeFile(piece);
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await giveName(part, target, force);
    return received;
  } finally {
    await rm(part, { force: true });
  }
}

/** Writes a download to `output` as it arrives. Throws for a wrong digest, but only after the last byte is written. */
export async function pipeDownload(download: Download, output: Writable, onBytes: OnBytes): Promise<ReceivedFile> {
  return receive(download, onBytes, async (piece) => {
    if (!output.write(piece)) await once(output, 'drain');
  });
}

export function targetExists(target: string): AppError {
  return new AppError('already_exists', `${target} exists already. Add --force to replace it, or choose with -o.`);
}

async function receive(
  download: Download,
  onBytes: OnBytes,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<ReceivedFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of download.body) {
    hash.update(piece);
    sizeBytes += piece.byteLength;
    await write(piece);
    onBytes(sizeBytes);
  }
  const digest = digestOf(hash.digest('hex'));
  if (download.digest !== undefined)
    requireSameDigest('Other bytes arrived than the server keeps', download.digest, digest);
  return { sizeBytes, digest, verified: download.digest !== undefined };
}

// Gives the temporary file its final name. Without `force` it makes a hard link, which fails if the name exists. A
// rename would replace an existing file, and a check before the rename would be a race.
async function giveName(part: string, target: string, force: boolean): Promise<void> {
  if (force) return rename(part, target);
  try {
    await link(part, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw targetExists(target);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    // The file system has no hard links. A file at this name was already refused before the download. So the rename
    // could replace only a file that was created since then.
    await rename(part, target);
  }
}
