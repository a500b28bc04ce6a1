import { readdir } from 'node:fs/promises';
import path from 'node:path';

export interface OutputFile {
  /** Relative, with forward slashes. */
  readonly name: string;
  readonly path: string;
}

/**
 * Every regular file below a folder, in the order of names. Symbolic links are reported, never followed: one could lead
 * to any file of this machine. Devices, sockets and pipes are reported too.
 */
export async function* outputFiles(
  folder: string,
  onSkipped: (name: string) => void,
  below = '',
): AsyncGenerator<OutputFile, void, undefined> {
  const entries = await readdir(path.join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* outputFiles(folder, onSkipped, name);
    else if (entry.isFile()) yield { name, path: path.join(folder, name) };
    else onSkipped(name);
  }
}
