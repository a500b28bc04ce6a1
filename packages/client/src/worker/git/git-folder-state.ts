import { lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Repository } from './find-repository.ts';
import { readPlainFile } from './plain-file.ts';

const maxFileBytes = 4 * 1024 * 1024;
const maxHooks = 200;

/**
 * Names of files in the git folder that an unfinished git operation leaves there, and of lock files that killed git
 * processes leave.
 */
const unfinished = [
  'MERGE_HEAD',
  'MERGE_MSG',
  'MERGE_MODE',
  'MERGE_AUTOSTASH',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'REBASE_HEAD',
  'SQUASH_MSG',
  'AUTO_MERGE',
  'BISECT_LOG',
  'BISECT_START',
  'BISECT_NAMES',
  'rebase-merge',
  'rebase-apply',
  'sequencer',
  'index.lock',
  'HEAD.lock',
  'config.lock',
];

const settingFiles = [
  'config',
  'config.worktree',
  'info/exclude',
  'info/attributes',
  'info/sparse-checkout',
  'info/grafts',
];

/** The files of a git folder that determine the checked-out commit and the programs that git starts. */
export interface GitFolderState {
  readonly head: Buffer;
  /** The checked-out branch, such as `refs/heads/main`. Undefined when HEAD is detached. */
  readonly branch: string | undefined;
  readonly commit: string;
  /** Content of `.git` if it is a file, as in a submodule. Undefined if `.git` is a folder. */
  readonly pointer: Buffer | undefined;
  /**
   * Content of the files with settings and hooks, by name. A missing file has undefined. For a linked working tree, the
   * map is empty.
   */
  readonly settings: ReadonlyMap<string, { readonly content: Buffer; readonly mode: number } | undefined>;
}

export async function readGitFolderState(repository: Repository, commit: string): Promise<GitFolderState> {
  const { top, gitDir, commonDir } = repository;
  const head = (await readPlainFile(path.join(gitDir, 'HEAD'), maxFileBytes)) ?? Buffer.from(`${commit}\n`);
  const dotGit = await lstat(path.join(top, '.git'));
  const pointer = dotGit.isFile() ? await readPlainFile(path.join(top, '.git'), maxFileBytes) : undefined;
  const settings = new Map<string, { content: Buffer; mode: number } | undefined>();
  if (gitDir === commonDir) {
    for (const name of [...settingFiles, ...(await hooksIn(gitDir))]) {
      const content = await readPlainFile(path.join(gitDir, name), maxFileBytes);
      const mode = content === undefined ? 0 : (await lstat(path.join(gitDir, name))).mode & 0o777;
      settings.set(name, content === undefined ? undefined : { content, mode });
    }
  }
  return {
    head,
    branch: /^ref: (refs\/heads\/(?!.*\.\.).+)\n?$/.exec(head.toString())?.[1],
    commit,
    pointer,
    settings,
  };
}

async function hooksIn(gitDir: string): Promise<string[]> {
  const entries = await readdir(path.join(gitDir, 'hooks'), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .slice(0, maxHooks)
    .map(({ name }) => `hooks/${name}`);
}

/** Restores everything that `readGitFolderState` read, and the index. Never writes through a symbolic link. */
export async function restoreGitFolder(repository: Repository, state: GitFolderState, index: Buffer): Promise<void> {
  const { gitDir, commonDir } = repository;
  // `info` and `hooks` must not be symbolic links. Otherwise the removals below would happen in other folders.
  for (const name of ['info', 'hooks']) {
    const found = await lstat(path.join(gitDir, name)).catch(() => undefined);
    if (found?.isDirectory() === false) await rm(path.join(gitDir, name), { force: true });
  }
  for (const name of unfinished) await rm(path.join(gitDir, name), { recursive: true, force: true });
  for (const [name, file] of state.settings) {
    if (file !== undefined) await replaceFile(gitDir, name, file.content, file.mode);
    else await rm(path.join(gitDir, name), { recursive: true, force: true });
  }
  if (gitDir === commonDir) {
    const known = new Set(state.settings.keys());
    const hooks = await readdir(path.join(gitDir, 'hooks')).catch(() => []);
    for (const name of hooks.filter((hook) => !known.has(`hooks/${hook}`))) {
      await rm(path.join(gitDir, 'hooks', name), { recursive: true, force: true });
    }
  }
  if (state.branch !== undefined) await replaceFile(commonDir, state.branch, Buffer.from(`${state.commit}\n`), 0o644);
  await replaceFile(gitDir, 'HEAD', state.head, 0o644);
  await replaceFile(gitDir, 'index', index, 0o644);
}

/**
 * Writes a file below `root` atomically, with a rename. If a component of `name` exists and is not a folder, a folder
 * replaces it.
 */
export async function replaceFile(root: string, name: string, content: Buffer, mode: number): Promise<void> {
  const parts = name.split('/');
  let folder = root;
  for (const part of parts.slice(0, -1)) {
    folder = path.join(folder, part);
    const found = await lstat(folder).catch(() => undefined);
    if (found?.isDirectory() === true) continue;
    if (found !== undefined) await rm(folder, { force: true });
    await mkdir(folder);
  }
  const file = path.join(folder, parts.at(-1) ?? '');
  const temporary = `${file}.proofhouse.lock`;
  await rm(temporary, { recursive: true, force: true });
  await writeFile(temporary, content, { mode, flag: 'wx' });
  const there = await lstat(file).catch(() => undefined);
  if (there?.isDirectory() === true) await rm(file, { recursive: true, force: true });
  await rename(temporary, file);
}
