import { chmodSync, closeSync, constants, lstatSync, openSync, type Stats } from 'node:fs';

/** A file or folder that more users can reach than is meant. */
export interface WideMode {
  readonly path: string;
  /** The permission bits it has. */
  readonly mode: number;
  /** The permission bits it may have at most. */
  readonly allowed: number;
  /** Whether `tighten` may change it: it belongs to this user. */
  readonly ours: boolean;
}

/** Creates an empty file that only its owner can read and write, where there is none. A umask can only narrow it further. */
export function createPrivateFile(path: string): void {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    closeSync(openSync(path, flags, 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** What is too wide about the file or folder at `path`; undefined where it is narrow enough, missing or a link. */
export function wideModeOf(path: string, allowed: number): WideMode | undefined {
  const found = lookedAt(path);
  if (found === undefined || found.isSymbolicLink()) return undefined;
  const mode = found.mode & 0o777;
  return (mode & ~allowed) === 0 ? undefined : { path, mode, allowed, ours: found.uid === process.geteuid?.() };
}

/** Whether a place that cannot be looked at can be used is for its user to find out. */
function lookedAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Takes the bits away that are too many; false where the system refuses. By path: closing a descriptor of a database file
 * would release the locks that this process holds on it.
 */
export function tighten({ path, mode, allowed }: WideMode): boolean {
  try {
    chmodSync(path, mode & allowed);
    return true;
  } catch {
    return false;
  }
}

/** `0755`, as people write modes. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
