import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import { makeFolder } from '../../../../kernel/make-folder.ts';

/**
 * The one name of a database file, whatever symbolic link led to it: locks and logs lie beside that name, so two names
 * would be two locks. A hard link cannot be told from its file and is refused. Makes the folder.
 */
export function databaseFile(file: string): string {
  const folder = path.dirname(path.resolve(file));
  makeFolder(folder, 0o700);
  const place = path.join(realpathSync(folder), path.basename(file));
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return place;
  if (found.nlink > 1) {
    throw new AppError('unavailable', `The database ${file} has a second name (a hard link), which would damage it.`);
  }
  return realpathSync(place);
}

/** Throws when the name no longer leads to the file that was opened: what is written now would be lost. */
export function requireSameFile(file: string, opened: FileIdentity): void {
  const now = identityOf(file);
  if (now?.dev === opened.dev && now.ino === opened.ino) return;
  throw new AppError(
    'unavailable',
    'The database file was removed or replaced while it is in use; restart the server.',
  );
}

export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

export function identityOf(file: string): FileIdentity | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? undefined : { dev: found.dev, ino: found.ino };
}
