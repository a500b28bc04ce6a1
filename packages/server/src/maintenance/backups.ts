import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { blobUrlFolder, openBlobBackend, type BlobBackend } from '@proofhouse/blobs';
import { AppError, isAppError } from '@proofhouse/core';
import {
  blobsIn,
  existingFolder,
  lockIn,
  makeMoveFolder,
  requireApart,
  takeBackupFolder,
} from '../backup/backup-folder.ts';
import { createBackup, type CreatedBackup } from '../backup/create-backup.ts';
import type { DatabaseArchive } from '../backup/database-archive.ts';
import { restoreBackup, type RestoredBackup } from '../backup/restore-backup.ts';
import type { Config } from '../config/config.ts';
import { databaseIsInMemory, schemeOf } from '../config/lasting-storage.ts';
import { loadConfig, type ConfigSources } from '../config/load-config.ts';
import { systemClock, type Clock } from '../kernel/time/clock.ts';
import { Ids } from '../kernel/ids.ts';
import { makeFolder } from '../kernel/files/make-folder.ts';
import { holdsAnything } from './private-places.ts';
import { sqlitePath } from '../stores/open-metadata-store.ts';
import { SqliteArchive } from '../stores/sql/dialects/sqlite/sqlite-archive.ts';
import { lockDatabase } from '../stores/sql/dialects/sqlite/sqlite-lock.ts';

export interface BackupOptions extends ConfigSources {
  readonly folder: string;
  readonly clock?: Clock;
  readonly onNotice: (notice: string) => void;
  readonly onProgress?: (done: { readonly count: number; readonly copiedBytes: number }) => void;
}

/**
 * Creates or updates a backup of the store that the settings name. A server may use the store at the same time. Errors:
 * `unsupported` (for Postgres the message says what to do), `invalid_request`, `not_found`, `unavailable`, `storage_full`,
 * `internal`.
 */
export async function backUpStore(options: BackupOptions & { readonly verify: boolean }): Promise<CreatedBackup> {
  const config = loadConfig(options);
  const archive = archiveOf(config);
  const blobFolder = requireBlobFolder(config);
  if (!existsSync(archive.file)) throw new AppError('not_found', `There is no database ${archive.file}.`);
  const folder = takeBackupFolder(options.folder, [blobFolder, config.jobViewRoot]);
  const clock = options.clock ?? systemClock;
  const ids = new Ids(clock);
  return await withLock(folder, () =>
    withBlobs(config, (blobs) => createBackup({ ...options, archive, blobs, folder, clock, ids })),
  );
}

/**
 * Restores a backup to the store that the settings name. No server may use the store meanwhile. Errors: those of
 * `restoreBackup`, and `unsupported` (for Postgres the message says what to do).
 */
export async function restoreStore(
  options: BackupOptions & { readonly moveExistingTo?: string | undefined; readonly revokeAllTokens: boolean },
): Promise<RestoredBackup> {
  const config = loadConfig(options);
  const archive = archiveOf(config);
  const blobFolder = requireBlobFolder(config);
  const folder = existingFolder(options.folder);
  // The data folder gets the mode 0700, as at a start of the server.
  if (holdsAnything(config)) makeFolder(config.dataDir, 0o700);
  requireApart(blobsIn(folder), blobFolder);
  const moveTo = options.moveExistingTo === undefined ? undefined : makeMoveFolder(options.moveExistingTo);
  if (moveTo !== undefined) requireApart(moveTo, blobFolder);
  const clock = options.clock ?? systemClock;
  return await withLock(folder, () =>
    withBlobs(config, (blobs) => restoreBackup({ ...options, archive, blobs, folder, moveTo, clock })),
  );
}

function archiveOf(config: Config): DatabaseArchive {
  if (databaseIsInMemory(config)) {
    throw new AppError('unsupported', 'The database is kept in memory: there is nothing to back up or restore.');
  }
  if (schemeOf(config.databaseUrl) === 'sqlite') return new SqliteArchive(sqlitePath(config.databaseUrl));
  const folder = blobUrlFolder(config.blobUrl) ?? '<blob folder>';
  throw new AppError(
    'unsupported',
    'A Postgres database is backed up by its own tools, before the blobs: ' +
      `pg_dump --format=custom --file=database.dump "$PROOFHOUSE_DATABASE_URL" && rsync -a ${join(folder, 'blobs')} <backup>/ . ` +
      'To restore, put the blobs back first, then pg_restore into an empty database. See docs/backup.md.',
  );
}

function requireBlobFolder({ blobUrl }: Config): string {
  const folder = blobUrlFolder(blobUrl);
  if (folder !== undefined) return folder;
  throw new AppError(
    'unsupported',
    'Only blobs in a folder (PROOFHOUSE_BLOB_URL=file:…) are backed up by this command.',
  );
}

/** Holds the lock of the backup folder and runs `action`. So only one command uses the folder at a time. */
async function withLock<Result>(folder: string, action: () => Promise<Result>): Promise<Result> {
  let release: () => void;
  try {
    ({ release } = lockDatabase(lockIn(folder)));
  } catch (cause) {
    if (!isAppError(cause, 'unavailable')) throw cause;
    throw new AppError('unavailable', `Another backup or restore uses ${folder}; let it finish.`, { cause });
  }
  try {
    return await action();
  } finally {
    release();
  }
}

async function withBlobs<Result>(config: Config, action: (blobs: BlobBackend) => Promise<Result>): Promise<Result> {
  const blobs = await openBlobBackend(config.blobUrl);
  try {
    return await action(blobs);
  } finally {
    await blobs.close();
  }
}
