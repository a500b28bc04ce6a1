import { lstatSync, mkdtempSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '@proofhouse/core';

/** The state of a path that is to be used as a folder. */
export interface FolderState {
  /** Absolute; the existing part of the path is resolved. */
  readonly path: string;
  /** The folder does not exist and can be made. */
  readonly missing: boolean;
}

/**
 * Checks that a folder is writable or, where it is missing, can be made. Permission bits are not enough: a superuser
 * bypasses them, and neither /proc nor a read-only disk follows them. So an empty folder is made in the nearest existing
 * one and removed at once; no part of the wanted path is made. Errors: `unavailable`.
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

/** The error for a folder that cannot be used, with what to do next. */
export function cannotUseFolder(folder: string, cause: unknown, further = ''): AppError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const message = `The folder ${folder} cannot be used (${code}); give another with --data-dir${further}.`;
  return new AppError('unavailable', message, { cause });
}

function lookAt(path: string): FolderState {
  // A dangling symbolic link exists, and a folder cannot be made in its place.
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
