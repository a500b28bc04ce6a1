import path from 'node:path';
import type { RepositorySettings } from './repository-settings.ts';
import { hashPlainFile, readPlainFile } from './plain-file.ts';
import { nulTerminated, recordsOf, runGit, type Git } from './run-git.ts';

/** Largest pointer in bytes. Git LFS reads only so many bytes to find out whether a file is a pointer. */
const maxPointerBytes = 1024;
const maxContentBytes = 16 * 1024 * 1024 * 1024;

const pointer = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-.*\n)*oid sha256:[0-9a-f]{64}\nsize \d+\n$/;

/** The content of a file that the repository stores as a Git LFS pointer. */
export interface LargeContent {
  readonly name: Buffer;
  /** Git blob id of the pointer. */
  readonly blob: string;
  /** SHA-256 of the content in lower-case hex, which is its id in Git LFS. */
  readonly oid: string;
  readonly sizeBytes: number;
}

/**
 * Returns the filter that the git attributes assign to each file. Omits files without a filter, or whose filter is not
 * configured.
 */
export async function filtersOf(
  git: Git,
  names: readonly Buffer[],
  configured: RepositorySettings['filters'],
): Promise<Map<Buffer, string>> {
  const filters = new Map<Buffer, string>();
  if (names.length === 0 || (configured !== 'all' && configured.size === 0)) return filters;
  const { said } = await runGit(git, ['check-attr', '-z', '--stdin', 'filter'], { stdin: nulTerminated(names) });
  const fields = recordsOf(said);
  names.forEach((name, at) => {
    const filter = fields[3 * at + 2]?.toString() ?? 'unspecified';
    if (filter === 'unspecified' || filter === 'unset' || filter === 'set') return;
    if (configured === 'all' || configured.has(filter)) filters.set(name, filter);
  });
  return filters;
}

/**
 * Adds the Git LFS pointer of a file to the index, without running Git LFS and without writing to `.git/lfs`. Returns
 * `undefined` if the file is already a pointer, or is missing.
 */
export async function addPointer(git: Git, name: Buffer, executable: boolean): Promise<LargeContent | undefined> {
  const file = Buffer.concat([Buffer.from(git.cwd + path.sep), name]);
  const hashed = await hashPlainFile(file, { maxBytes: maxContentBytes, signal: git.signal });
  if (hashed === undefined) return undefined;
  const { hash: oid, sizeBytes } = hashed;
  if (sizeBytes <= maxPointerBytes && (await isPointer(file))) return undefined;
  const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${sizeBytes}\n`;
  // In Git LFS the pointer of an empty file is an empty file.
  const stdin = Buffer.from(sizeBytes === 0 ? '' : text);
  const blob = (await runGit(git, ['hash-object', '-w', '--stdin'], { stdin })).said.toString().trim();
  const line = Buffer.concat([Buffer.from(`${executable ? '100755' : '100644'} ${blob}\t`), name]);
  await runGit(git, ['update-index', '--add', '--replace', '-z', '--index-info'], { stdin: nulTerminated([line]) });
  return { name, blob, oid, sizeBytes };
}

async function isPointer(file: Buffer): Promise<boolean> {
  return pointer.test((await readPlainFile(file, maxPointerBytes))?.toString() ?? '');
}
