import { lstat, readdir } from 'node:fs/promises';
import type { Stats } from 'node:fs';

/** An entry of the output folder. Its path is bytes, because a file name need not be valid UTF-8. */
export type OutputEntry =
  | { readonly kind: 'file'; readonly parts: readonly Buffer[]; readonly path: Buffer }
  | { readonly kind: 'left-out'; readonly parts: readonly Buffer[]; readonly what: string }
  | { readonly kind: 'unreadable'; readonly parts: readonly Buffer[]; readonly error: unknown };

/**
 * Yields every entry below a folder, ordered by name. If an entry cannot be read, it is yielded with its error, and the
 * iteration continues. Symbolic links are never followed, because they could refer to any file of this machine. Throws
 * only if the folder itself cannot be read.
 */
export async function* outputFiles(folder: string): AsyncGenerator<OutputEntry, void, undefined> {
  yield* entriesOf(Buffer.from(folder), []);
}

async function* entriesOf(folder: Buffer, above: readonly Buffer[]): AsyncGenerator<OutputEntry, void, undefined> {
  const names = await readdir(folder, { encoding: 'buffer' });
  for (const name of names.sort((a, b) => a.compare(b))) {
    const parts = [...above, name];
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    const found = await lstat(path).catch((error: unknown) => ({ error }));
    if ('error' in found) yield { kind: 'unreadable', parts, error: found.error };
    else if (found.isDirectory()) yield* folderEntries(path, parts);
    else if (found.isFile()) yield { kind: 'file', parts, path };
    else yield { kind: 'left-out', parts, what: kindOf(found) };
  }
}

async function* folderEntries(path: Buffer, parts: readonly Buffer[]): AsyncGenerator<OutputEntry, void, undefined> {
  try {
    yield* entriesOf(path, parts);
  } catch (error) {
    yield { kind: 'unreadable', parts, error };
  }
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}
