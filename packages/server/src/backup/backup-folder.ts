import { mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { AppError } from '@proofhouse/core';
import { makeFolder } from '../kernel/files/make-folder.ts';

const ours = /^(?:backup\.json(?:\.new)?|database-[a-z0-9]+\.db(?:-journal)?|blobs|moved|backup\.lock(?:-journal)?)$/;

/** Returns the path of the folder that contains the blobs of a backup. */
export const blobsIn = (folder: string): string => join(folder, 'blobs');
/**
 * Returns the path, without the file extension, of the lock file of a backup folder. A command holds this lock while it
 * uses the folder.
 */
export const lockIn = (folder: string): string => join(folder, 'backup');

/**
 * Creates the folder for a backup and returns its real path. Throws `invalid_request` if the folder exists and is
 * neither empty nor a backup. Also throws it if the folder overlaps with one in `apartFrom`.
 */
export function takeBackupFolder(named: string, apartFrom: readonly string[]): string {
  makeFolder(named, 0o700);
  const folder = realpathSync(named);
  for (const other of apartFrom) requireApart(folder, other);
  const foreign = readdirSync(folder).find((name) => !ours.test(name));
  if (foreign === undefined) return folder;
  throw new AppError(
    'invalid_request',
    `${folder} holds ${foreign}, which is no part of a backup; name an empty folder, or one of an earlier backup.`,
  );
}

/** Returns the real path of the folder of an existing backup. Throws `not_found` if there is no such folder. */
export function existingFolder(named: string): string {
  try {
    return realpathSync(resolve(named));
  } catch (cause) {
    throw new AppError('not_found', `There is no folder ${named}.`, { cause });
  }
}

/** Throws `invalid_request` if the folders are the same or one contains the other. */
export function requireApart(folder: string, other: string): void {
  const real = existingOrNamed(other);
  if (!isInside(folder, real) && !isInside(real, folder)) return;
  throw new AppError('invalid_request', `${folder} and ${real} overlap; name a folder of its own for the backup.`);
}

/** Removes all copies of the database from the folder of a backup, except the file named `kept`. */
export function removeOtherDatabases(folder: string, kept: string): void {
  for (const name of readdirSync(folder)) {
    if (/^database-.*\.db(?:-journal)?$/.test(name) && name !== kept) rmSync(join(folder, name));
  }
}

/** Creates a folder and returns its real path. A restore moves the files that it replaces to this folder. */
export function makeMoveFolder(named: string): string {
  const folder = resolve(named);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return realpathSync(folder);
}

function existingOrNamed(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    return resolve(place);
  }
}

function isInside(inner: string, outer: string): boolean {
  const way = relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`));
}
