import { lstatSync, mkdtempSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '@proofhouse/core';

/** The state of a path that a setting names as a folder. */
export interface FolderState {
  /** The absolute path. Symbolic links in its existing part are resolved. */
  readonly path: string;
  /** True if the folder does not exist and can be created. */
  readonly missing: boolean;
}

/**
 * Checks that a folder is writable or, if it is missing, can be created. Permission bits do not show this, because a
 * superuser bypasses them, and /proc and read-only disks do not follow them. So the check creates an empty folder in
 * the folder and removes it at once. If the folder is missing, the check uses its nearest existing parent, and does not
 * create the folder itself. Errors: `unavailable`.
 */
export function probeFolder(folder: string): FolderState {
  try {
    const look = lookAt(resolve(folder));
    const nearest = look.missing ? nearestOf(look.path) : look.path;
    rmdirSync(mkdtempSync(join(nearest, '.proofhouse-look-')));
    return look;
  } catch (error) {
    throw cannotUseFolder(folder, error);
  }
}

/** Returns the error for a folder that cannot be used. The message says what to do next. */
export function cannotUseFolder(folder: string, cause: unknown, further = ''): AppError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const message = `The folder ${folder} cannot be used (${code}); give another with --data-dir${further}.`;
  return new AppError('unavailable', message, { cause });
}

function lookAt(path: string): FolderState {
  // `lstat` also finds a symbolic link whose target is missing. No folder can be created at its path, and `realpath`
  // throws an error.
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    const real = realpathSync(path);
    if (statSync(real).isDirectory()) return { path: real, missing: false };
    throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
  }
  return { path: join(lookAt(dirname(path)).path, basename(path)), missing: true };
}

function nearestOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? nearestOf(dirname(path)) : path;
}
