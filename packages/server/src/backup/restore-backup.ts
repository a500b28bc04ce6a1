import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FilesystemBackend, type BlobBackend } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import { blobsIn } from './backup-folder.ts';
import { requireManifest, type BackupManifest } from './backup-manifest.ts';
import { copyBlobs, type CopiedBlobs } from './copy-blobs.ts';
import { sha256OfFile } from './create-backup.ts';
import type { DatabaseArchive, RestoreTarget } from './database-archive.ts';

export interface RestoreParts {
  readonly archive: DatabaseArchive;
  /** Blob backend of the store. Its blobs are kept, and the blobs of the backup are added. */
  readonly blobs: BlobBackend;
  /** Real path of the folder that contains the backup. */
  readonly folder: string;
  /** Real path of the folder to which replaced files are moved. Undefined if no file may be replaced. */
  readonly moveTo: string | undefined;
  readonly revokeAllTokens: boolean;
  readonly clock: Clock;
  readonly onProgress?: (done: { readonly count: number; readonly copiedBytes: number }) => void;
}

export interface RestoredBackup {
  readonly manifest: BackupManifest;
  readonly copiedBytes: number;
  /** Number of worker and registration tokens of the restored database that are valid now. */
  readonly validTokens: number;
  /** Former paths of the database files that were moved away. */
  readonly moved: readonly string[];
}

/**
 * Restores a backup: checks it, adds its blobs to the store, and installs its database. No file of the store is deleted
 * or overwritten, because files that would be replaced are moved to `moveTo`. If the store has a database and there is
 * no `moveTo`, the restore is refused before anything is changed.
 *
 * Errors: `invalid_request` (not a complete backup), `integrity_failure` (the backup is damaged), `already_exists` (a
 * database or a damaged blob would be replaced, and there is no `moveTo`), `unavailable` (a server has the database
 * open).
 */
export async function restoreBackup(parts: RestoreParts): Promise<RestoredBackup> {
  const { archive, folder, moveTo, clock } = parts;
  const manifest = requireManifest(folder);
  const copy = join(folder, manifest.database.file);
  await requireSameDatabase(copy, manifest);
  const facts = archive.inspectCopy(copy);
  const target = archive.takeOver();
  try {
    const moved = requireRoom(target, moveTo);
    const copied = await addBlobs(parts, copy);
    requireSameBlobs(copied, manifest);
    const now = clock.now();
    target.install(copy, { moveTo, revokedAt: parts.revokeAllTokens ? now : undefined, now });
    return {
      manifest,
      copiedBytes: copied.copiedBytes,
      validTokens: parts.revokeAllTokens ? 0 : facts.validTokens,
      moved,
    };
  } finally {
    target.release();
  }
}

async function requireSameDatabase(copy: string, { database }: BackupManifest): Promise<void> {
  const found = statSync(copy, { throwIfNoEntry: false });
  if (found?.size === database.sizeBytes && (await sha256OfFile(copy)) === database.sha256) return;
  throw damaged(`its database ${copy} is ${found === undefined ? 'missing' : 'not what was backed up'}`);
}

function requireRoom({ existing }: RestoreTarget, moveTo: string | undefined): readonly string[] {
  const [first] = existing;
  if (first === undefined || moveTo !== undefined) return existing;
  throw new AppError(
    'already_exists',
    `There is a database already: ${first}. Say where to move it with --move-existing-to <folder>, or restore to another place.`,
  );
}

async function addBlobs(parts: RestoreParts, copy: string): Promise<CopiedBlobs> {
  const { archive, blobs, folder, moveTo, onProgress } = parts;
  const from = new FilesystemBackend({ root: blobsIn(folder) });
  await from.open();
  try {
    return await copyBlobs({
      from,
      to: blobs,
      blobs: archive.namedBlobs(copy),
      verify: true,
      onWrong: async ({ key }) => {
        const place = blobs.localPath(key);
        if (moveTo === undefined || place === undefined) {
          throw new AppError(
            'already_exists',
            `The store holds a blob ${key} with other bytes than its record says. Say where to move it with --move-existing-to <folder>.`,
          );
        }
        moveAway(place, join(moveTo, key));
        return Promise.resolve();
      },
      onProgress,
    });
  } finally {
    await from.close();
  }
}

function moveAway(place: string, to: string): void {
  try {
    renameSync(place, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EXDEV') throw cause;
    throw new AppError('invalid_request', `${to} is on another disk than ${place}; name a folder on the same one.`, {
      cause,
    });
  }
}

function requireSameBlobs({ lost, count, sha256 }: CopiedBlobs, { blobs, lost: known }: BackupManifest): void {
  const missing = lost.find(({ key }) => !known.includes(key));
  if (missing !== undefined) throw damaged(`the bytes of blob ${missing.key} are missing or not what was backed up`);
  // Some blobs are listed as lost in the manifest, but the store may still have them. They are then counted too, so the
  // totals differ from those of the manifest and are not compared.
  if (lost.length === known.length && (count !== blobs.count || sha256 !== blobs.sha256)) {
    throw damaged('its database names other blobs than its manifest');
  }
}

function damaged(why: string): AppError {
  return new AppError('integrity_failure', `The backup is damaged: ${why}. Nothing was replaced; use another backup.`);
}
