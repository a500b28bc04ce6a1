import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isInside } from './plain-file.ts';

/** The path of the git executable, and the PATH in the environment of git. */
export interface GitProgram {
  readonly file: string;
  readonly searchPath: string;
}

/**
 * Finds git in PATH. Skips entries of PATH in which a command may have put a program: relative paths, and folders
 * inside `workedIn`, the folders in which commands run (an example is `node_modules/.bin`). Throws if no other entry
 * contains git.
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
