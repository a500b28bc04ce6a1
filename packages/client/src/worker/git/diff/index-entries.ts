import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { nulTerminated, runGit, type Git } from '../run-git.ts';

/**
 * Those entries of a git index that need special treatment. Names are latin1 strings, with one character for each byte.
 */
export interface IndexEntries {
  /** Commit ids of submodules and other nested repositories, by name. */
  readonly gitlinks: ReadonlyMap<string, string>;
  /** Names of entries outside a sparse checkout (skip-worktree). Their files need not exist in the working tree. */
  readonly skipped: readonly string[];
  /** Names of entries that git does not check for changes (assume-unchanged). */
  readonly assumed: readonly string[];
}

/**
 * Reads the index that `git` uses. Omits the entries outside the folder `prefix` that are skip-worktree or
 * assume-unchanged.
 */
export async function readIndexEntries(git: Git, prefix: string): Promise<IndexEntries> {
  const gitlinks = new Map<string, string>();
  const skipped: string[] = [];
  const assumed: string[] = [];
  const start = prefix === '' ? '' : `${Buffer.from(prefix).toString('latin1')}/`;
  await runGit(git, ['ls-files', '-v', '-s', '-z'], {
    each: (record) => {
      // Format: `H 100644 <id> 0\t<name>`. The first letter is S for skip-worktree. A lower-case letter means
      // assume-unchanged.
      const tag = record[0] ?? 0;
      const isGitlink = record[2] === 0x31 && record[3] === 0x36;
      const isAssumed = tag >= 0x61;
      const isSkipped = tag === 0x53 || tag === 0x73;
      if (!isGitlink && !isAssumed && !isSkipped) return;
      const tab = record.indexOf(0x09);
      const name = record.subarray(tab + 1).toString('latin1');
      const [, , commit = ''] = record.subarray(0, tab).toString('latin1').split(' ');
      if (isGitlink) gitlinks.set(name, commit);
      else if (name.startsWith(start)) (isSkipped ? skipped : assumed).push(name);
      if (isSkipped && isAssumed && !isGitlink) assumed.push(name);
    },
  });
  return { gitlinks, skipped, assumed };
}

/** Returns those of the names whose files exist. Each folder is checked only once, to save system calls. */
export async function presentNames(top: string, names: readonly string[], signal: AbortSignal): Promise<string[]> {
  const folders = new Map<string, Promise<boolean>>();
  const isThere = (name: string): Promise<boolean> =>
    lstat(Buffer.concat([Buffer.from(top + path.sep), Buffer.from(name, 'latin1')])).then(
      () => true,
      () => false,
    );
  const hasFolder = (folder: string): Promise<boolean> => {
    if (folder === '') return Promise.resolve(true);
    let known = folders.get(folder);
    if (known === undefined) {
      known = hasFolder(folderOf(folder)).then((above) => above && isThere(folder));
      folders.set(folder, known);
    }
    return known;
  };
  const present: string[] = [];
  for (let from = 0; from < names.length; from += 64) {
    signal.throwIfAborted();
    const some = names.slice(from, from + 64);
    const seen = await Promise.all(some.map(async (name) => (await hasFolder(folderOf(name))) && isThere(name)));
    present.push(...some.filter((_name, at) => seen[at]));
  }
  return present;
}

function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/** Runs `git update-index` with `option` for each of the names. */
export async function updateIndex(git: Git, option: readonly string[], names: Iterable<string>): Promise<void> {
  const list = [...names].map((name) => Buffer.from(name, 'latin1'));
  if (list.length === 0) return;
  await runGit(git, ['update-index', ...option, '-z', '--stdin'], { stdin: nulTerminated(list) });
}
