import { chmodSync, closeSync, constants, lstatSync, openSync, type Stats } from 'node:fs';

/** A file or folder whose mode is wider than allowed. */
export interface WideMode {
  readonly path: string;
  /** Its permission bits. */
  readonly mode: number;
  /** The widest allowed permission bits. */
  readonly allowed: number;
  /** Whether `tighten` may change it: it belongs to this user. */
  readonly ours: boolean;
}

/** Creates an empty file that only its owner can read and write, if none exists. A umask can only narrow the mode. */
export function createPrivateFile(path: string): void {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    closeSync(openSync(path, flags, 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The mode of the file or folder at `path`, if too wide; undefined where it is narrow enough, missing or a link. */
export function wideModeOf(path: string, allowed: number): WideMode | undefined {
  const found = lookedAt(path);
  if (found === undefined || found.isSymbolicLink()) return undefined;
  const mode = found.mode & 0o777;
  return (mode & ~allowed) === 0 ? undefined : { path, mode, allowed, ours: found.uid === process.geteuid?.() };
}

/** A place whose mode cannot be read is skipped; its user reports whether it can be used. */
function lookedAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Removes the permission bits that are not allowed; false where the system refuses. By path: closing a descriptor of a
 * database file would release the locks that this process holds on it.
 */
export function tighten({ path, mode, allowed }: WideMode): boolean {
  try {
    chmodSync(path, mode & allowed);
    return true;
  } catch {
    return false;
  }
}

/** `0755`, the usual notation of modes. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
