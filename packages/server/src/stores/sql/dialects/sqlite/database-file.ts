import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { makeFolder } from '../../../../kernel/files/make-folder.ts';
import { isMountPoint } from './mount-points.ts';

/**
 * Returns the path of a database file with all symbolic links resolved, and creates the folder of the file. The lock
 * and the WAL have names derived from this path, so a file with two paths would have two locks. Throws `unavailable`
 * for a file that has a second hard link or is a mount point, because its other paths cannot be found.
 */
export function databaseFile(file: string): string {
  const folder = path.dirname(path.resolve(file));
  makeFolder(folder, 0o700);
  return requireOneName(path.join(realpathSync(folder), path.basename(file)));
}

/** Does the same as `databaseFile` for a path whose folder exists and has no symbolic link. Creates nothing. */
export function requireOneName(named: string): string {
  const found = statSync(named, { throwIfNoEntry: false });
  if (found !== undefined && found.nlink > 1) {
    throw new AppError(
      'unavailable',
      `The database ${named} has a second name (a hard link), under which another server could damage it; remove one of the two.`,
    );
  }
  const place = found === undefined ? named : realpathSync(named);
  const mounted = ['', '-wal', '-shm', '.lock'].map((end) => `${place}${end}`).find((part) => isMountPoint(part));
  if (mounted === undefined) return place;
  throw new AppError(
    'unavailable',
    `${mounted} is a mount point of its own: its log and its lock would not be shared. Mount the folder ${path.dirname(place)} instead.`,
  );
}
