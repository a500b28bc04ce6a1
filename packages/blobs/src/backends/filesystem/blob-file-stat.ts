import type { BigIntStats } from 'node:fs';
import { type BlobStat, irregularFingerprint } from '../../blob-backend.ts';

/**
 * Size, mtime and inode. A replaced, rewritten or truncated file differs in one of them. Not detected: a change in
 * place to a blob above 256 KiB, by the file's owner or root, that restores the old mtime to the nanosecond (and, on
 * kernels with a coarse file clock, a change within a few milliseconds of the commit). Only reading the whole file
 * detects it, as `storage verify` does. The ctime cannot be restored, but it also changes whenever a hard link is added
 * or removed: at the commit itself, when the job view links the blob, and when a newer artifact takes its name there.
 * Each of these would cause the whole blob to be hashed before the next download. A process that can write as the owner
 * can change the records as well.
 */
export function blobFileStat(stat: BigIntStats): BlobStat {
  const fingerprint = stat.isFile() ? `${stat.size}-${stat.mtimeNs}-${stat.ino}` : irregularFingerprint;
  return { sizeBytes: Number(stat.size), fingerprint, createdAt: Number(stat.mtimeMs) };
}
