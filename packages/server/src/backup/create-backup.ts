import { createHash } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FilesystemBackend, type BlobBackend } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Ids } from '../kernel/ids.ts';
import { blobsIn, removeOtherDatabases } from './backup-folder.ts';
import { writeManifest, type BackupManifest } from './backup-manifest.ts';
import { copyBlobs, type CopiedBlobs } from './copy-blobs.ts';
import type { CopyFacts, DatabaseArchive, NamedBlob } from './database-archive.ts';

export interface BackupParts {
  readonly archive: DatabaseArchive;
  readonly blobs: BlobBackend;
  /** Real path of a folder that is empty or contains an earlier backup. No other command may use the folder meanwhile. */
  readonly folder: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** True if the blobs of an earlier backup in the folder must be hashed. If false, only their size is compared. */
  readonly verify: boolean;
  readonly onNotice: (notice: string) => void;
  readonly onProgress?: (done: { readonly count: number; readonly copiedBytes: number }) => void;
}

export interface CreatedBackup {
  readonly manifest: BackupManifest;
  readonly copiedBytes: number;
}

/**
 * Largest number of attempts to copy the database and the blobs. An attempt is repeated if collection removed blobs
 * after the database was copied, and before they were copied.
 */
const mostAttempts = 5;

/**
 * Creates a backup. First copies the database, then the blobs to which the copied database refers. Checks both, and
 * writes the manifest. Blobs that are already in the folder are not copied again. Blobs that the copied database does
 * not need are removed last. Errors: `unavailable` (collection removes blobs faster than they are copied), those of the
 * archive and the blob backends.
 */
export async function createBackup(parts: BackupParts): Promise<CreatedBackup> {
  const { folder } = parts;
  const target = new FilesystemBackend({ root: blobsIn(folder) });
  await target.open();
  try {
    const made = await copyBoth(parts, target);
    writeManifest(folder, made.manifest);
    removeOtherDatabases(folder, made.manifest.database.file);
    await removeUnnamed(target, parts.archive.namedBlobs(join(folder, made.manifest.database.file)));
    return made;
  } finally {
    await target.close();
  }
}

async function copyBoth(parts: BackupParts, target: BlobBackend): Promise<CreatedBackup> {
  const { archive, folder, clock, ids } = parts;
  for (let attempt = 1; ; attempt++) {
    const createdAt = new Date(clock.now()).toISOString();
    const file = `database-${ids.blobKey()}.db`;
    const place = join(folder, file);
    const facts = await archive.copyTo(place, parts.onNotice);
    const copied = await copyBlobs({
      from: parts.blobs,
      to: target,
      blobs: archive.namedBlobs(place),
      verify: parts.verify,
      onWrong: ({ key }) => target.delete(key),
      onProgress: parts.onProgress,
    });
    const named = await archive.stillNamed(copied.lost.map(({ key }) => key));
    if (copied.lost.every(({ key }) => named.has(key))) {
      return { manifest: await manifestOf({ createdAt, file, place, facts, copied }), copiedBytes: copied.copiedBytes };
    }
    rmSync(place);
    if (attempt < mostAttempts) continue;
    throw new AppError(
      'unavailable',
      'Bytes are being removed faster than they can be copied; run the backup again when no collection runs.',
    );
  }
}

async function manifestOf(made: {
  readonly createdAt: string;
  readonly file: string;
  readonly place: string;
  readonly facts: CopyFacts;
  readonly copied: CopiedBlobs;
}): Promise<BackupManifest> {
  const { createdAt, file, place, facts, copied } = made;
  const { count, sizeBytes, sha256, lost } = copied;
  return {
    format: 1,
    createdAt,
    database: { file, sizeBytes: statSync(place).size, sha256: await sha256OfFile(place), schema: facts.schema },
    blobs: { count, sizeBytes, sha256 },
    lost: lost.map(({ key }) => key),
  };
}

/** Returns the sha256 of a file in lower-case hex. */
export async function sha256OfFile(place: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(place)) digest.update(piece as Buffer);
  return digest.digest('hex');
}

async function removeUnnamed(target: BlobBackend, named: Iterable<NamedBlob>): Promise<void> {
  const kept = new Set<string>();
  for (const { key } of named) kept.add(key);
  for await (const { key } of target.list()) if (!kept.has(key)) await target.delete(key);
  await target.sweepStaging(Infinity);
}
