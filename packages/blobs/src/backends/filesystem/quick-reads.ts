import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { BlobReading, ByteRange } from '../../blob-backend.ts';
import { requireRange } from '../../require-range.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { Folder } from './folder.ts';

/** Longer ranges go through the thread pool: copying them would hold up everybody else. */
const mostBytes = 64 * 1024;

/** A read that took longer than this came from a slow or busy disk, not from the page cache. */
const slowMs = 5;
/**
 * So many times as long as a slow read took nothing more is read here: reads hold up the event loop for a twentieth of the
 * time at most, and a machine on which somebody else had the processor for a moment soon goes on reading quickly.
 */
const restFactor = 20;

// O_NONBLOCK: opening a planted pipe must not wait for a writer.
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads small ranges in the calling thread. From the page cache that takes a few microseconds, where four
 * trips through the thread pool cost ten times as much. It only takes what is plain: whatever
 * is unusual (missing, planted, short, failing) is left to the ordinary way, which knows what to say.
 */
export class QuickReads {
  #restUntil = 0;

  /** Undefined: ask the ordinary way. */
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
