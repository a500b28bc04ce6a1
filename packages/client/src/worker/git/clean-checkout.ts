import { chmod, lstat, readdir, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '@proofhouse/core';
import type { Clock } from '../../transport/clock.ts';
import { firstAbort } from '../first-abort.ts';
import { WorkFolder, workFolderPrefix } from '../work-folder.ts';
import { addPointer, filtersOf } from './filtered-files.ts';
import { enclosingRepository, inside, repositoryAt, type Repository } from './find-repository.ts';
import { readGitFolderState, replaceFile, restoreGitFolder, type GitFolderState } from './git-folder-state.ts';
import { findGit } from './git-program.ts';
import { readIndexEntries } from './diff/index-entries.ts';
import { hashPlainFile, isInside, readPlainFile } from './plain-file.ts';
import { headCommit } from './repository-refs.ts';
import { readSettings, type RepositorySettings } from './repository-settings.ts';
import { recordsOf, runGit, type Git } from './run-git.ts';
import { ShadowRepository } from './shadow-repository.ts';
import { shownName } from './shown-name.ts';

/** Time limit in milliseconds for recording or restoring a repository. */
const timeLimitMs = 10 * 60_000;
const maxIndexBytes = 512 * 1024 * 1024;
const maxPointerBytes = 1024;
const maxNesting = 5;

export interface CleanCheckoutParts {
  readonly folder: string;
  readonly workRoot: string;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** True if the worker may remove uncommitted changes and untracked or ignored files that exist at its start. */
  readonly discard: boolean;
}

/** The state of a repository at the start of the worker. */
interface Recorded {
  readonly shadow: ShadowRepository;
  readonly state: GitFolderState;
  /** Tracked files whose content is stored by Git LFS. */
  readonly large: readonly Buffer[];
  readonly submodules: readonly Recorded[];
}

/**
 * Resets the repository around a folder to its state at the start of the worker: the tracked files, HEAD, its branch,
 * the index, the configuration, the hooks, and the submodules. Untracked and ignored files are removed. Other branches
 * stay as they are. Git runs on a private repository (see `ShadowRepository`), so it starts no program that a command
 * configured. The private repository has its own index, so a command cannot hide a changed file by marking it as
 * unchanged.
 */
export class CleanCheckout {
  readonly #parts: CleanCheckoutParts;
  readonly #git: Omit<Git, 'signal'>;
  readonly #scratch: WorkFolder;
  #recorded: Recorded | undefined;
  #scratches = 0;

  private constructor(parts: CleanCheckoutParts, git: Omit<Git, 'signal'>, scratch: WorkFolder) {
    this.#parts = parts;
    this.#git = git;
    this.#scratch = scratch;
  }

  /**
   * Records the state of the repository. Called when the worker starts. Throws `invalid_request` in these cases:
   * - The folder is in no repository, or the repository has no commit.
   * - The repository has changes or untracked or ignored files (allowed with `discard`).
   * - The repository contains the data of a server, or files that could not be restored.
   */
  static async record(parts: CleanCheckoutParts, signal: AbortSignal): Promise<CleanCheckout> {
    const repository = await enclosingRepository(parts.folder);
    if (repository === undefined) throw refusal(`${parts.folder} is in no git repository`);
    const program = await findGit(parts.env['PATH'] ?? '', [repository.top]);
    const scratch = await WorkFolder.make(parts.workRoot);
    const clean = new CleanCheckout(parts, { program, cwd: scratch.scratch, env: {} }, scratch);
    try {
      await clean.#limited(signal, async (git) => {
        clean.#recorded = await clean.#record(git, repository, 0);
      });
      return clean;
    } catch (error) {
      await clean.release();
      throw error;
    }
  }

  /** Restores the repository. Called before each job. If it rejects, no command may run. */
  async restore(signal: AbortSignal): Promise<void> {
    await this.#limited(signal, async (git) => {
      if (this.#recorded !== undefined) await this.#restore(git, this.#recorded);
    });
  }

  async release(): Promise<void> {
    await this.#scratch.remove();
  }

  async #record(git: Git, repository: Repository, depth: number): Promise<Recorded> {
    const settings = await readSettings(git, repository, this.#parts.env);
    const commit = await headCommit(repository);
    if (commit === undefined) throw refusal(`${repository.top} has no commit that can be read`);
    this.#scratches += 1;
    const own = path.join(this.#scratch.scratch, String(this.#scratches));
    const shadow = await ShadowRepository.make(repository, settings, own);
    await shadow.copyIndex(shadow.index);
    const at = shadow.at(git);
    const found = await this.#leftovers(at);
    if (found.some((name) => /(^|\/)proofhouse\.db$/.test(name.toString('latin1')))) {
      throw refusal(`${repository.top} holds the data of a server (proofhouse.db), which would be removed`);
    }
    const changed = await this.#changes(at, commit, settings.filters);
    if (!this.#parts.discard && found.length + changed.length > 0) {
      const names = [...changed, ...found].slice(0, 5).map(shownName).join(', ');
      throw refusal(
        `${repository.top} has changes, or untracked or ignored files, that would be removed: ${names}. Commit or move ` +
          'them, or give --git-clean-discard',
      );
    }
    await runGit(at, ['read-tree', '--reset', commit]);
    const { gitlinks } = await readIndexEntries(at, '');
    const tracked = recordsOf((await runGit(at, ['ls-files', '-z'])).said);
    const filters = await filtersOf(at, tracked, settings.filters);
    const [other, filter] = [...filters].find(([, name]) => name !== 'lfs') ?? [];
    if (other !== undefined) {
      throw refusal(
        `${shownName(other)} has the filter ${JSON.stringify(filter)}, which would not be run to restore it`,
      );
    }
    const submodules: Recorded[] = [];
    for (const name of gitlinks.keys()) {
      const folder = path.join(repository.top, Buffer.from(name, 'latin1').toString());
      const below = await repositoryAt(folder, () => true);
      if (below !== undefined && depth < maxNesting) submodules.push(await this.#record(git, below, depth + 1));
    }
    const state = await readGitFolderState(repository, commit);
    return { shadow, state, large: [...filters.keys()], submodules };
  }

  /** Returns the names of untracked and ignored files, without those in job folders. */
  async #leftovers(at: Git): Promise<Buffer[]> {
    const { said } = await runGit(at, ['ls-files', '-z', '-o']);
    const own = await this.#ownFolders(at.cwd);
    return recordsOf(said).filter((name) => !own.some((prefix) => name.toString('latin1').startsWith(prefix)));
  }

  /** Returns the names of tracked files that differ from the commit, in the index or in the working tree. */
  async #changes(at: Git, commit: string, filters: RepositorySettings['filters']): Promise<Buffer[]> {
    const { gitlinks } = await readIndexEntries(at, '');
    const listed = recordsOf((await runGit(at, ['ls-files', '-z', '-m'])).said);
    const changed = listed.filter((name) => !gitlinks.has(name.toString('latin1')));
    const filtered = await filtersOf(at, changed, filters);
    // Git lists every Git LFS file as changed, because it compares the content with the pointer in the index. So
    // `addPointer` writes the pointer of the current content into the index. `diff-index` below then lists the file
    // only if its content has changed.
    for (const [name, filter] of filtered) {
      const found = await lstat(Buffer.concat([Buffer.from(at.cwd + path.sep), name])).catch(() => undefined);
      if (filter !== 'lfs' || found?.isFile() !== true) filtered.delete(name);
      else if ((await addPointer(at, name, (found.mode & 0o100) !== 0)) === undefined) filtered.delete(name);
    }
    const compared = ['diff-index', '--cached', '--name-only', '--ignore-submodules=none', '-z', commit];
    const staged = recordsOf((await runGit(at, compared)).said);
    return [...changed.filter((name) => !filtered.has(name)), ...staged];
  }

  async #restore(git: Git, recorded: Recorded): Promise<void> {
    const { shadow, state, large, submodules } = recorded;
    const { repository } = shadow;
    if ((await realpath(repository.top)) !== repository.top)
      throw new Error(`${repository.top} was replaced by a link`);
    if (state.pointer !== undefined) await replaceFile(repository.top, '.git', state.pointer, 0o644);
    const roots = [repository.gitDir, repository.commonDir, ...repository.objects];
    const now = await repositoryAt(repository.top, inside(roots));
    if (now?.gitDir !== repository.gitDir) throw new Error(`${repository.top} has lost its repository`);
    await shadow.renew();
    const at = shadow.at(git);
    await runGit(at, ['read-tree', '--reset', '-u', state.commit]);
    for (const name of large) await restoreContent(at, repository, name);
    await this.#removeLeftovers(at);
    const index = await readPlainFile(shadow.index, maxIndexBytes);
    await restoreGitFolder(repository, state, index ?? Buffer.alloc(0));
    for (const submodule of submodules) await this.#restore(git, submodule);
  }

  async #removeLeftovers(at: Git): Promise<void> {
    const own = (await this.#ownFolders(at.cwd)).flatMap((prefix) => ['-e', `/${globLiteral(prefix)}*`]);
    const args = ['clean', '-ffdxq', '-e', 'proofhouse.db', '-e', 'proofhouse.db-*', ...own];
    if ((await runGit(at, args, { partly: true })).whole) return;
    // `git clean` fails for a folder without write permission, such as a package cache. So this code changes the
    // permissions of such folders and tries again.
    const names = recordsOf((await runGit(at, ['ls-files', '-z', '-o', '--directory'])).said);
    for (const name of names) await makeRemovable(Buffer.concat([Buffer.from(at.cwd + path.sep), name]), at.signal);
    await runGit(at, args);
  }

  /**
   * Returns the path prefix of job folders, relative to `top`, in a list. The list is empty if `workRoot` is outside
   * `top`.
   */
  async #ownFolders(top: string): Promise<string[]> {
    const workRoot = await realpath(this.#parts.workRoot);
    if (!isInside(workRoot, top)) return [];
    const below = path.relative(top, workRoot).split(path.sep).join('/');
    return [`${below === '' ? '' : `${below}/`}${workFolderPrefix}`];
  }

  async #limited(signal: AbortSignal, action: (git: Git) => Promise<void>): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#parts.clock.after(timeLimitMs, () =>
      limit.abort(new Error(`the repository was not brought back within ${timeLimitMs / 60_000} minutes`)),
    );
    const either = firstAbort([signal, limit.signal]);
    try {
      await action({ ...this.#git, signal: either.signal });
    } finally {
      cancel();
      either.release();
    }
  }
}

function refusal(reason: string): AppError {
  return new AppError('invalid_request', `--git-clean cannot be used: ${reason}.`);
}

function globLiteral(text: string): string {
  return text.replace(/[*?[\\ ]/g, '\\$&');
}

/** Replaces a Git LFS pointer in the working tree by the content, which is copied from `.git/lfs` of the repository. */
async function restoreContent(at: Git, { commonDir, top }: Repository, name: Buffer): Promise<void> {
  const file = Buffer.concat([Buffer.from(top + path.sep), name]);
  const found = await lstat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > maxPointerBytes) return;
  const text = (await readPlainFile(file, maxPointerBytes))?.toString() ?? '';
  const oid = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n[^]*oid sha256:([0-9a-f]{64})\n/.exec(text)?.[1];
  if (oid === undefined) return;
  const from = path.join(commonDir, 'lfs', 'objects', oid.slice(0, 2), oid.slice(2, 4), oid);
  const to = path.join(commonDir, `proofhouse-${oid}.tmp`);
  try {
    await rm(to, { recursive: true, force: true });
    const copied = await hashPlainFile(from, { maxBytes: Number.MAX_SAFE_INTEGER, signal: at.signal, to });
    if (copied?.hash !== oid) throw new Error(`the content of ${shownName(name)} is not in .git/lfs`);
    await chmod(to, found.mode & 0o777);
    await rename(to, file);
  } finally {
    await rm(to, { force: true });
  }
}

/** Allows the owner to remove the entries of a folder. Does not follow symbolic links. */
async function makeRemovable(entry: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const found = await lstat(entry).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  await chmod(entry, 0o700);
  const names = await readdir(entry, { encoding: 'buffer' });
  for (const name of names) await makeRemovable(Buffer.concat([entry, Buffer.from(path.sep), name]), signal);
}
