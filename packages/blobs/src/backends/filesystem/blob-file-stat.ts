import type { BigIntStats } from 'node:fs';
import { type BlobStat, irregularFingerprint } from '../../blob-backend.ts';

/**
 * Size, mtime and inode: a file that was replaced, rewritten or cut differs in one of them.
 *
 * What remains: bytes of a blob above 256 KiB that were changed in place, by the file's owner or root, with the old mtime
 * put back to the nanosecond (and, on kernels whose clock for files is coarse, a change within a few milliseconds of the
 * commit). Only reading it whole tells, as `storage verify` does. The ctime, which nobody can put back, would tell too, but
 * it also changes whenever a second name of the file comes or goes: at the commit itself, when the job view links the blob,
 * and again each time a newer artifact takes its name there. Each of these would have the whole blob hashed before its next
 * download; and whoever can write as the owner can write the records as well.
 */
export function blobFileStat(stat: BigIntStats): BlobStat {
  const fingerprint = stat.isFile() ? `${stat.size}-${stat.mtimeNs}-${stat.ino}` : irregularFingerprint;
  return { sizeBytes: Number(stat.size), fingerprint, createdAt: Number(stat.mtimeMs) };
}
