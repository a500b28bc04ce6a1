import { chmodSync, closeSync, constants, lstatSync, openSync, type Stats } from 'node:fs';

/** A file or folder whose mode allows more than it should. */
export interface WideMode {
  readonly path: string;
  /** The present permission bits. */
  readonly mode: number;
  /** The widest allowed permission bits. */
  readonly allowed: number;
  /** True if the file or folder belongs to the user of this process, so that `tighten` can change its mode. */
  readonly ours: boolean;
}

/** Creates an empty file with mode 0600 (a umask can only narrow the mode). A no-op if the file exists. */
export function createPrivateFile(path: string): void {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    closeSync(openSync(path, flags, 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Returns the mode of the file or folder at `path` if the mode has bits that are not allowed. Returns undefined for an
 * allowed mode, for a missing path and for a symbolic link.
 */
export function wideModeOf(path: string, allowed: number): WideMode | undefined {
  const found = stateOf(path);
  if (found === undefined || found.isSymbolicLink()) return undefined;
  const mode = found.mode & 0o777;
  return (mode & ~allowed) === 0 ? undefined : { path, mode, allowed, ours: found.uid === process.geteuid?.() };
}

/**
 * Returns the state of a path. Returns undefined if it cannot be read; the code that uses the path later reports this.
 */
function stateOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Removes the permission bits that are not allowed. Returns false if the system refuses. Uses the path and no
 * descriptor, because closing a descriptor of a database file would release the locks of this process on it.
 */
export function tighten({ path, mode, allowed }: WideMode): boolean {
  try {
    chmodSync(path, mode & allowed);
    return true;
  } catch {
    return false;
  }
}

/** Returns a mode in the usual notation, such as `0755`. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
