import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isInside, readPlainText, realFolder } from './plain-file.ts';

const maxPointerBytes = 16 * 1024;
const maxAlternatesBytes = 64 * 1024;
const maxAlternates = 32;

/** A repository with a working tree. All paths are absolute and resolved (no symbolic links). */
export interface Repository {
  readonly top: string;
  readonly gitDir: string;
  /**
   * The git folder that all linked working trees of the repository share. Equal to `gitDir`, except in a linked working tree.
   */
  readonly commonDir: string;
  /** The object folder of the repository, and the other object folders (alternates) that it names. */
  readonly objects: readonly string[];
}

/** Returns true if files of a repository, such as `.git`, may refer to `folder`. It must be a resolved path. */
export type MayLeadTo = (folder: string) => boolean;

/** Thrown when a repository is damaged, or when it refers to folders that must not be read. */
export class UnusableRepository extends Error {}

/**
 * Returns the nearest repository whose working tree contains the folder, by the rules of git. Returns `undefined` if
 * there is none.
 */
export async function enclosingRepository(folder: string): Promise<Repository | undefined> {
  for (let at = await realpath(folder); ; at = path.dirname(at)) {
    const found = await repositoryAt(at, () => true);
    if (found !== undefined || at === path.dirname(at)) return found;
  }
}

/**
 * Returns the repository whose working tree is `top`. Only reads files: it runs no git and reads no git configuration.
 * Returns `undefined` if `.git` is missing or is no repository. Throws `UnusableRepository` if `.git`, or a path in it,
 * refers to a folder for which `mayLeadTo` returns false.
 */
export async function repositoryAt(top: string, mayLeadTo: MayLeadTo): Promise<Repository | undefined> {
  const gitDir = await gitDirOf(path.join(top, '.git'));
  if (gitDir === undefined) return undefined;
  const permit = (folder: string, what: string): string => {
    if (!mayLeadTo(folder)) throw new UnusableRepository(`${what} (${folder}) is outside the folder of the job`);
    return folder;
  };
  permit(gitDir, 'its .git folder');
  const pointer = await readPlainText(path.join(gitDir, 'commondir'), maxPointerBytes);
  const commonDir =
    pointer === undefined ? gitDir : await realFolder(path.resolve(gitDir, pointer.replace(/\n+$/, '')));
  const objects = commonDir === undefined ? undefined : await realFolder(path.join(commonDir, 'objects'));
  const isRepository = (await isThere(path.join(gitDir, 'HEAD'))) && objects !== undefined;
  if (commonDir === undefined || !isRepository || !(await isThere(path.join(commonDir, 'refs')))) return undefined;
  permit(commonDir, 'its common .git folder');
  permit(objects, 'its folder of objects');
  return { top, gitDir, commonDir, objects: await withAlternates(objects, permit) };
}

async function gitDirOf(dotGit: string): Promise<string | undefined> {
  const found = await lstat(dotGit).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isDirectory() || found.isSymbolicLink()) return realFolder(dotGit);
  if (!found.isFile()) throw new UnusableRepository('.git is neither a folder nor a file');
  const pointer = /^gitdir: (.+?)\n*$/s.exec((await readPlainText(dotGit, maxPointerBytes)) ?? '')?.[1];
  return pointer === undefined ? undefined : realFolder(path.resolve(path.dirname(dotGit), pointer));
}

async function withAlternates(objects: string, permit: (folder: string, what: string) => string): Promise<string[]> {
  const all = [objects];
  // The loop appends alternates to the list and visits these too.
  for (const folder of all) {
    const text = await readPlainText(path.join(folder, 'info', 'alternates'), maxAlternatesBytes);
    for (const line of (text ?? '').split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const alternate = await realFolder(path.resolve(folder, unquoted(line)));
      if (alternate === undefined || all.includes(alternate)) continue;
      all.push(permit(alternate, 'a folder of objects that it borrows from'));
      if (all.length > maxAlternates) throw new UnusableRepository(`it borrows from more than ${maxAlternates} others`);
    }
  }
  return all;
}

// Decodes a line of `alternates`. Git writes a path with unusual characters as a quoted C string.
function unquoted(line: string): string {
  if (!line.startsWith('"') || !line.endsWith('"')) return line;
  return line.slice(1, -1).replace(/\\(["\\n])/g, (_all, character: string) => (character === 'n' ? '\n' : character));
}

async function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Returns a `MayLeadTo` that allows only `roots` and the folders inside them. */
export function inside(roots: readonly string[]): MayLeadTo {
  return (folder) => roots.some((root) => isInside(folder, root));
}
