import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { BlobReading, ByteRange } from '../../blob-backend.ts';
import { requireRange } from '../../require-range.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { Folder } from './folder.ts';

/** Longer ranges go through the thread pool: copying them would block the event loop. */
const mostBytes = 64 * 1024;

/** A read that took longer came from a slow or busy disk, not from the page cache. */
const slowMs = 5;
/**
 * After a slow read, no synchronous read is made for this many times its duration. Slow reads thus block the event loop
 * for at most a twentieth of the time, and after a short load peak quick reads are used again soon.
 */
const restFactor = 20;

// O_NONBLOCK: opening a FIFO that was planted must not block.
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads small ranges synchronously. From the page cache that takes a few microseconds; four round trips through the
 * thread pool take ten times as long. Only plain files are read this way. In every other case (missing, planted, short,
 * failing) the caller uses the ordinary way, which has the error handling.
 */
export class QuickReads {
  #restUntil = 0;

  /** Returns undefined when the caller must use the ordinary way. */
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
