import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { repositoryAt } from './find-repository.ts';

export interface SearchLimits {
  readonly maxFolders: number;
  readonly maxDepth: number;
  /** Folders that are not searched. */
  readonly skip: (folder: string) => boolean;
}

export interface SearchResult {
  /** Working trees of repositories, relative with forward slashes. Nothing below them is searched. */
  readonly found: readonly string[];
  /** Folders that have something called `.git` that is no repository. */
  readonly damaged: readonly string[];
  /** Folders that hold something. */
  readonly filled: ReadonlySet<string>;
  /** Whether a limit ended the search before everything was seen. */
  readonly cut: boolean;
}

/** Looks for repositories below a folder that is in none. Symbolic links are not followed. */
export async function searchRepositories(folder: string, limits: SearchLimits): Promise<SearchResult> {
  const found: string[] = [];
  const damaged: string[] = [];
  const filled = new Set<string>();
  let cut = false;
  const queue = [{ below: '', depth: 0 }];
  // Folders are appended while the queue is read.
  for (const { below, depth } of queue) {
    const entries = await readdir(path.join(folder, below), { withFileTypes: true }).catch(() => []);
    if (entries.length > 0) filled.add(below);
    if (entries.some(({ name }) => name === '.git')) {
      if (await isWorkingTree(path.join(folder, below))) {
        found.push(below);
        continue;
      }
      damaged.push(below);
    }
    for (const entry of entries.filter(({ name }) => name !== '.git')) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (!entry.isDirectory() || limits.skip(path.join(folder, name))) continue;
      if (depth >= limits.maxDepth || queue.length >= limits.maxFolders) cut = true;
      else queue.push({ below: name, depth: depth + 1 });
    }
  }
  return { found: found.sort(), damaged, filled, cut };
}

// One that cannot be read is one: the reason is said when it is opened.
async function isWorkingTree(folder: string): Promise<boolean> {
  return repositoryAt(folder, () => true).then(
    (repository) => repository !== undefined,
    () => true,
  );
}
