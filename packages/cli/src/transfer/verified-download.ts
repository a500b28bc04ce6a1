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
  /** Whether the server declared a digest. */
  readonly verified: boolean;
}

type OnBytes = (receivedBytes: number) => void;

/**
 * Saves a download under `target` atomically: it is written to a file beside it, verified, synced, and then renamed. An
 * existing file stays unless `force`.
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

/** Writes a download out as it arrives; a wrong digest is known only at the end. */
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

// A hard link fails when the name exists, without a race; a rename would replace the file.
async function giveName(part: string, target: string, force: boolean): Promise<void> {
  if (force) return rename(part, target);
  try {
    await link(part, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw targetExists(target);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    // This file system has no hard links: only a file created at the same moment can be replaced.
    await rename(part, target);
  }
}
