import { AppError } from '@proofhouse/core';
import type { ByteRange } from './blob-backend.ts';

/**
 * Returns the range to read from a blob of `sizeBytes` bytes. Default: the whole blob. Throws `range_not_satisfiable`
 * if the given range is not completely inside the blob.
 */
export function requireRange(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes - 1 };
  const { start, end } = range;
  const inside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
  if (!inside || end >= sizeBytes) {
    throw new AppError('range_not_satisfiable', `The range ${start}-${end} lies outside the ${sizeBytes} bytes.`, {
      details: { sizeBytes },
    });
  }
  return range;
}
