import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { BlobReading, ByteRange } from '../../blob-backend.ts';
import { requireRange } from '../../require-range.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { Folder } from './folder.ts';

/** Largest range in bytes that is read synchronously. Copying a longer range would block the event loop for too long. */
const mostBytes = 64 * 1024;

/**
 * A synchronous read that took longer than this (ms) was probably from a slow or busy disk and not from the page cache.
 */
const slowMs = 5;
/**
 * After a slow synchronous read, all reads are asynchronous for a time. This time is the duration of the slow read
 * times this number. So slow reads block the event loop for at most a twentieth of the time. After a short load peak,
 * synchronous reads are soon used again.
 */
const restFactor = 20;

// The flags for opening a blob file. O_NONBLOCK prevents that `open` blocks if somebody put a FIFO in the place of the
// blob.
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads small ranges of blobs synchronously. From the page cache this takes a few microseconds. An asynchronous read
 * needs four round trips to the thread pool and takes ten times as long. Only plain files are read this way. In every
 * other case (missing file, not a plain file, file too short, failed call) the caller must read asynchronously, because
 * only that code handles errors.
 */
export class QuickReads {
  #restUntil = 0;

  /** Reads a range of a blob. Returns undefined if the caller must read it asynchronously. */
  read(path: string, shard: Folder, range: ByteRange): BlobReading | undefined {
    const length = range.end + 1 - range.start;
    const beganAt = performance.now();
    if (length > mostBytes || length < 1 || beganAt < this.#restUntil) return undefined;
    try {
      return readPlain(path, shard, range);
    } catch {
      return undefined;
    } finally {
      const endedAt = performance.now();
      if (endedAt - beganAt > slowMs) this.#restUntil = endedAt + restFactor * (endedAt - beganAt);
    }
  }
}

function readPlain(path: string, shard: Folder, range: ByteRange): BlobReading | undefined {
  const file = openSync(path, flags);
  try {
    if (!shard.isHeld(lstatSync(shard.path, { bigint: true }))) return undefined;
    const found = fstatSync(file, { bigint: true });
    if (!found.isFile()) return undefined;
    const stat = blobFileStat(found);
    const { start, end } = requireRange(range, stat.sizeBytes);
    const body = Buffer.allocUnsafe(end + 1 - start);
    if (readSync(file, body, 0, body.length, start) !== body.length) return undefined;
    return { stat, body };
  } finally {
    closeSync(file);
  }
}
