import type { BigIntStats } from 'node:fs';
import { type BlobStat, irregularFingerprint } from '../../blob-backend.ts';

/** Size, mtime and inode: a file that was replaced, rewritten or cut differs in one of them. */
export function blobFileStat(stat: BigIntStats): BlobStat {
  const fingerprint = stat.isFile() ? `${stat.size}-${stat.mtimeNs}-${stat.ino}` : irregularFingerprint;
  return { sizeBytes: Number(stat.size), fingerprint, createdAt: Number(stat.mtimeMs) };
}
