import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isInside } from './plain-file.ts';

/** The git executable, and the PATH that it gets. */
export interface GitProgram {
  readonly file: string;
  readonly searchPath: string;
}

/**
 * Finds git in PATH. Skips the entries that a command may have written to: relative ones, and folders inside the
 * working folders of commands (such as `node_modules/.bin`). Throws when git is in none of the remaining entries.
 */
export async function findGit(searchPath: string, workedIn: readonly string[]): Promise<GitProgram> {
  const kept: string[] = [];
  for (const entry of searchPath.split(path.delimiter)) {
    if (!path.isAbsolute(entry)) continue;
    const real = await realpath(entry).catch(() => undefined);
    if (real !== undefined && !workedIn.some((folder) => isInside(real, folder) || isInside(entry, folder))) {
      kept.push(entry);
    }
  }
  const name = process.platform === 'win32' ? 'git.exe' : 'git';
  for (const entry of kept) {
    const file = path.join(entry, name);
    const real = await realpath(file).catch(() => undefined);
    if (real === undefined || workedIn.some((folder) => isInside(real, folder))) continue;
    if (await isProgram(file)) return { file, searchPath: kept.join(path.delimiter) };
  }
  throw new Error('git was not found in PATH (relative entries and entries inside the work folder are not searched)');
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
