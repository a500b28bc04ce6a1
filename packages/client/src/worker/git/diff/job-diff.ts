import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../../transport/clock.ts';
import type { SecretMask } from '../../../masking/secret-mask.ts';
import { firstAbort } from '../../first-abort.ts';
import { messageOf } from '../../message-of.ts';
import { workFolderPrefix } from '../../work-folder.ts';
import { diffLimits, type DiffLimits } from './diff-limits.ts';
import { enclosingRepository, inside, repositoryAt, type Repository } from '../find-repository.ts';
import { findGit, type GitProgram } from '../git-program.ts';
import { isInside } from '../plain-file.ts';
import { RepositoryDiff } from './repository-diff.ts';
import { readSettings, settingsOfNew } from '../repository-settings.ts';
import type { Git } from '../run-git.ts';
import { searchRepositories, type SearchResult } from '../search-repositories.ts';
import { WrittenDiffs, type DiffEvidence } from './written-diffs.ts';

/**
 * Time limit in milliseconds for writing the git trees before the command. Writing the patches after the command has
 * the same limit.
 */
export const gitTimeLimitMs = 60_000;

export interface DiffPlace {
  /** Folder in which the command runs. Only changes in this folder are in the diff. */
  readonly folder: string;
  /** Folder of the worker for private repositories and patches. */
  readonly scratch: string;
  /** Folder that contains the job folders of all workers. Job folders are never part of a diff. */
  readonly workRoot: string;
  /** Environment of the worker: PATH, and the variables with which git finds the configuration of the user. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * True if the folder was created for this job and is empty. A repository around the folder then has nothing to do
   * with the job.
   */
  readonly fresh: boolean;
  readonly clock: Clock;
  /** Masks the patches. Undefined if they must stay unchanged. */
  readonly mask?: SecretMask | undefined;
  readonly limits?: Partial<DiffLimits> | undefined;
}

/**
 * The diff of one repository. `path` is relative to the root (see `JobDiff`), as a latin1 string of its bytes. It is
 * empty for the root itself.
 */
interface Followed {
  readonly path: string;
  readonly depth: number;
  readonly diff: RepositoryDiff | undefined;
  /** The reason why the diff could not be started. Undefined if it was started. */
  readonly failure: string | undefined;
}

/**
 * Finds what a command changed in its folder. The patch of a repository is the difference between two git trees: one
 * from before the command, the other from after it. Earlier changes are in both trees, so they are not in the patch.
 * Commits of the command are in the patch. The root is the top of the repository that contains the folder. If there is
 * none, the root is the folder itself. The worker writes nothing into these repositories, and nothing in them can make
 * git start a program.
 */
export class JobDiff {
  readonly #place: DiffPlace;
  readonly #limits: DiffLimits;
  readonly #followed = new Map<string, Followed>();
  readonly #written: WrittenDiffs;
  #root = '';
  #search: SearchResult | undefined;
  #program: GitProgram | undefined;
  #failure: string | undefined;
  #scratches = 0;

  private constructor(place: DiffPlace) {
    this.#place = place;
    this.#limits = { ...diffLimits, ...place.limits };
    this.#written = new WrittenDiffs(place.scratch, this.#limits, place.mask);
  }

  /**
   * Writes the first trees. Called before the command. Never throws. If a first tree cannot be written, a warning
   * replaces the patch.
   */
  static async begin(place: DiffPlace, signal: AbortSignal): Promise<JobDiff> {
    const diff = new JobDiff(place);
    try {
      await diff.#limited(signal, (limited) => diff.#begin(limited));
    } catch (error) {
      // If the caller has aborted, it needs neither a diff nor the reason of its failure.
      if (!signal.aborted) diff.#failure = messageOf(error);
    }
    return diff;
  }

  /** Writes the patches. Called after the command. Throws only if the signal is aborted. */
  async write(signal: AbortSignal): Promise<DiffEvidence> {
    if (this.#failure === undefined) {
      try {
        await this.#limited(signal, (limited) => this.#writeAll(limited));
      } catch (error) {
        signal.throwIfAborted();
        this.#failure = messageOf(error);
      }
    }
    if (this.#failure !== undefined) this.#written.refuse('', this.#failure);
    return this.#written.finish();
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { fresh, scratch } = this.#place;
    await mkdir(scratch, { recursive: true });
    const folder = await realpath(this.#place.folder);
    this.#root = folder;
    const around = fresh ? undefined : await enclosingRepository(folder);
    if (around !== undefined) {
      const git = await this.#git(signal, [around.top]);
      const settings = await readSettings(git, around, this.#place.env);
      this.#root = around.top;
      const prefix = path.relative(around.top, folder).split(path.sep).join('/');
      const own = await this.#scratch();
      const place = {
        repository: around,
        settings,
        scratch: own,
        prefix,
        ownFolders: await this.#ownFolders(around.top),
      };
      const top = { path: '', depth: 0, diff: await RepositoryDiff.begin(git, place), failure: undefined };
      this.#followed.set('', top);
      await this.#beginNested(signal, top);
      return;
    }
    this.#search = await this.#searchRoot();
    if (this.#search.found.length > 0) await this.#git(signal, [folder]);
    for (const name of this.#search.found) await this.#beginOne(signal, latin1(name), 1);
  }

  async #beginNested(signal: AbortSignal, { path: above, depth, diff }: Followed): Promise<void> {
    for (const name of diff?.nested ?? []) {
      await this.#beginOne(signal, above === '' ? name : `${above}/${name}`, depth + 1);
    }
  }

  async #beginOne(signal: AbortSignal, name: string, depth: number): Promise<void> {
    if (this.#followed.has(name) || this.#overLimits(depth)) return;
    let followed: Followed = { path: name, depth, diff: undefined, failure: undefined };
    try {
      const repository = await repositoryAt(this.#folderOf(name), () => true);
      // If a submodule is not checked out, its folder is no repository.
      if (repository === undefined) return;
      const git = await this.#git(signal, []);
      const settings = await readSettings(git, repository, this.#place.env);
      const ownFolders = await this.#ownFolders(repository.top);
      const place = { repository, settings, scratch: await this.#scratch(), prefix: '', ownFolders };
      followed = { ...followed, diff: await RepositoryDiff.begin(git, place) };
    } catch (error) {
      signal.throwIfAborted();
      followed = { ...followed, failure: messageOf(error) };
    }
    this.#followed.set(name, followed);
    await this.#beginNested(signal, followed);
  }

  async #writeAll(signal: AbortSignal): Promise<void> {
    if (this.#search !== undefined) await this.#followNew(signal);
    // The map grows during the loop, because repositories are found inside other repositories.
    for (const { path: above, depth, diff, failure } of this.#followed.values()) {
      if (diff === undefined) this.#written.refuse(above, failure ?? 'it cannot be read');
      else await this.#written.add(await this.#git(signal, []), above, diff);
      for (const name of diff?.nested ?? []) {
        const below = above === '' ? name : `${above}/${name}`;
        if (!this.#followed.has(below)) await this.#follow(signal, below, depth + 1);
      }
    }
  }

  /**
   * Adds the repositories that the command created below the root. Called only if the root itself is in no repository.
   */
  async #followNew(signal: AbortSignal): Promise<void> {
    const before = this.#search;
    const after = await this.#searchRoot();
    const unknown = after.found.map(latin1).filter((name) => !this.#followed.has(name));
    if (unknown.length > 0 || this.#followed.size > 0) await this.#git(signal, [this.#root]);
    for (const name of unknown) {
      if (before?.filled.has(Buffer.from(name, 'latin1').toString()) !== true) await this.#follow(signal, name, 1);
      else this.#written.refuse(name, 'the repository was made in a folder whose files no repository knew before');
    }
    for (const name of after.damaged.filter((found) => before?.damaged.includes(found) !== true)) {
      if (!this.#followed.has(latin1(name))) this.#written.refuse(latin1(name), 'its .git is no repository');
    }
    if (after.cut) {
      const { maxSearchedFolders, maxSearchDepth } = this.#limits;
      this.#written.leaveOut(
        `repositories were searched in ${maxSearchedFolders} folders and ${maxSearchDepth} levels: others are not in the diff`,
      );
    }
  }

  /**
   * Adds a repository that the command created. Reads only inside the root and the repositories that were found before.
   */
  async #follow(signal: AbortSignal, name: string, depth: number): Promise<void> {
    if (this.#overLimits(depth)) return;
    let followed: Followed = { path: name, depth, diff: undefined, failure: undefined };
    try {
      const folder = this.#folderOf(name);
      if ((await realpath(folder)) !== folder) throw new Error('a symbolic link leads to it');
      const known = [...this.#followed.values()].flatMap(({ diff }) => diff?.place.repository ?? []);
      const roots = [this.#root, ...known.flatMap(({ commonDir, objects }) => [commonDir, ...objects])];
      const repository = await repositoryAt(folder, inside(roots));
      if (repository === undefined) throw new Error('it has no repository of its own any more, or a damaged one');
      const place = {
        repository,
        settings: await this.#settingsOf(repository),
        scratch: await this.#scratch(),
        prefix: '',
        ownFolders: await this.#ownFolders(folder),
      };
      followed = { ...followed, diff: await RepositoryDiff.appeared(place, this.#commitsBefore(repository)) };
    } catch (error) {
      signal.throwIfAborted();
      followed = { ...followed, failure: messageOf(error) };
    }
    this.#followed.set(name, followed);
  }

  // A command can add a working tree to a repository that was found before. It then has the settings that were read for
  // that repository.
  async #settingsOf(repository: Repository) {
    const owner = this.#ownerOf(repository);
    return owner?.place.settings ?? settingsOfNew(repository);
  }

  #commitsBefore(repository: Repository): readonly string[] {
    return this.#ownerOf(repository)?.knownCommits ?? [];
  }

  #ownerOf({ commonDir }: Repository): RepositoryDiff | undefined {
    return [...this.#followed.values()].find(({ diff }) => diff?.place.repository.commonDir === commonDir)?.diff;
  }

  #overLimits(depth: number): boolean {
    const { maxRepositories, maxNesting } = this.#limits;
    if (this.#followed.size < maxRepositories && depth <= maxNesting) return false;
    const line = `more than ${maxRepositories} repositories, or more than ${maxNesting} in one another: the others are not in the diff`;
    this.#written.leaveOut(line);
    return true;
  }

  #folderOf(name: string): string {
    const text = Buffer.from(name, 'latin1').toString();
    // The working folder and the arguments of git are passed as text, so the path must be UTF-8.
    if (latin1(text) !== name) throw new Error('its path is not UTF-8');
    return path.join(this.#root, text);
  }

  async #searchRoot(): Promise<SearchResult> {
    const workRoot = await realpath(this.#place.workRoot).catch(() => this.#place.workRoot);
    const skip = (folder: string): boolean =>
      path.dirname(folder) === workRoot && path.basename(folder).startsWith(workFolderPrefix);
    const { maxSearchedFolders, maxSearchDepth } = this.#limits;
    return searchRepositories(this.#root, { maxFolders: maxSearchedFolders, maxDepth: maxSearchDepth, skip });
  }

  async #ownFolders(top: string): Promise<string[]> {
    const workRoot = await realpath(this.#place.workRoot).catch(() => this.#place.workRoot);
    if (!isInside(workRoot, top)) return [];
    const below = path.relative(top, workRoot).split(path.sep).join('/');
    const escaped = below.replace(/[*?[\\]/g, '\\$&');
    return [`:(top,exclude,glob)${escaped === '' ? '' : `${escaped}/`}${workFolderPrefix}*/**`];
  }

  async #scratch(): Promise<string> {
    this.#scratches += 1;
    const folder = path.join(this.#place.scratch, `git-${this.#scratches}`);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /**
   * Finds git at the first call. Ignores a git executable inside one of the folders `workedIn`, because a command may
   * have created it.
   */
  async #git(signal: AbortSignal, workedIn: readonly string[]): Promise<Git> {
    this.#program ??= await findGit(this.#place.env['PATH'] ?? '', workedIn);
    return { program: this.#program, cwd: this.#place.scratch, env: {}, signal };
  }

  // Runs `action` with a time limit. Otherwise a disk that does not answer, or a repository with a million files, could
  // delay the job without end.
  async #limited<T>(signal: AbortSignal, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#place;
    const limit = new AbortController();
    const cancel = clock.after(gitTimeLimitMs, () =>
      limit.abort(new Error(`git took longer than ${gitTimeLimitMs / 1000} s`)),
    );
    const either = firstAbort([signal, limit.signal]);
    try {
      return await action(either.signal);
    } finally {
      cancel();
      either.release();
    }
  }
}

/** Converts a path to a latin1 string, with one character for each byte. So a path of any bytes can be a map key. */
function latin1(name: string): string {
  return Buffer.from(name).toString('latin1');
}
