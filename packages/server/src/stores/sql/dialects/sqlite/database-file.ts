import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { makeFolder } from '../../../../kernel/files/make-folder.ts';
import { isMountPoint } from './mount-points.ts';

/**
 * The one name of a database file, whatever symbolic link led to it: locks and logs lie beside that name, so two names
 * would be two locks. A hard link and a file that is a mount point are other names that cannot be followed, and are refused
 * (`unavailable`). Makes the folder.
 */
export function databaseFile(file: string): string {
  const folder = path.dirname(path.resolve(file));
  makeFolder(folder, 0o700);
  return requireOneName(path.join(realpathSync(folder), path.basename(file)));
}

/** The same for a file whose folder is there and resolved. Makes nothing. */
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
