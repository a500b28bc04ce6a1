import type { BigIntStats } from 'node:fs';
import { type BlobStat, irregularFingerprint } from '../../blob-backend.ts';

/**
 * Returns the stat of a blob file. Its fingerprint consists of size, mtime and inode. At least one of these changes
 * when the file is replaced, rewritten or truncated.
 *
 * The fingerprint does not detect a change in place that restores the old mtime to the nanosecond. Only the file's
 * owner or root can make such a change. On kernels with a coarse file clock, it also misses a change within a few
 * milliseconds of the commit. For blobs above 256 KiB, only reading the whole file detects such a change, as `storage
 * verify` does. This is accepted, because a process that can write as the file's owner can change the records as well.
 *
 * The ctime cannot be restored, but it is not part of the fingerprint. It changes whenever a hard link is added or
 * removed: at the commit itself, when the job view links the blob, and when a newer artifact replaces that link. With
 * the ctime in the fingerprint, the next download after each of these events would have to hash the whole blob.
 */
export function blobFileStat(stat: BigIntStats): BlobStat {
  const fingerprint = stat.isFile() ? `${stat.size}-${stat.mtimeNs}-${stat.ino}` : irregularFingerprint;
  return { sizeBytes: Number(stat.size), fingerprint, createdAt: Number(stat.mtimeMs) };
}
