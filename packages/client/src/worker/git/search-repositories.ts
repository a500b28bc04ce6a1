import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { repositoryAt } from './find-repository.ts';

export interface SearchLimits {
  readonly maxFolders: number;
  readonly maxDepth: number;
  /** Returns true for a folder that must not be searched. */
  readonly skip: (folder: string) => boolean;
}

export interface SearchResult {
  /** Working trees of repositories, as relative paths with forward slashes. The search does not descend into them. */
  readonly found: readonly string[];
  /** Folders that contain an entry named `.git`, but no repository. */
  readonly damaged: readonly string[];
  /** Folders that contain at least one entry. */
  readonly filled: ReadonlySet<string>;
  /** True if the search ended early because of a limit. */
  readonly cut: boolean;
}

/** Finds repositories below a folder that itself is in no repository. Does not follow symbolic links. */
export async function searchRepositories(folder: string, limits: SearchLimits): Promise<SearchResult> {
  const found: string[] = [];
  const damaged: string[] = [];
  const filled = new Set<string>();
  let cut = false;
  const queue = [{ below: '', depth: 0 }];
  // The loop appends folders to the queue and visits these too.
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

// Returns true if the folder is the working tree of a repository. Also returns true if `.git` is unreadable. The error
// is then reported when the repository is opened.
async function isWorkingTree(folder: string): Promise<boolean> {
  return repositoryAt(folder, () => true).then(
    (repository) => repository !== undefined,
    () => true,
  );
}
