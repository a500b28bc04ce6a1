import { access, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { firstAbort } from './first-abort.ts';
import { GitSnapshots, type SnapshotPlace } from './git-snapshots.ts';
import { messageOf } from './message-of.ts';
import { gitIn, gitText, runGit, TooMuch, type Git } from './run-git.ts';

/** Larger differences stay where they are; what else the job left is deposited all the same. */
const usualMaxDiffBytes = 64 * 1024 * 1024;
/** How long git may take before the command, and again after it. */
export const gitTimeLimitMs = 60_000;

/** Git's own words for a folder with something called `.git` above it that is none, or where nothing is checked out. */
const noRepository = /not a git repository|must be run in a work tree/;

const patchOptions = [
  '-r',
  '--patch',
  '--binary',
  '-M',
  '--unified=3',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
];

export interface DiffPlace extends SnapshotPlace {
  readonly env: Readonly<Record<string, string>>;
  /**
   * The folder was made for this job and is empty: a repository that lies around it is no concern of the job's, and one
   * that the command brings there is compared with its own commit.
   */
  readonly fresh: boolean;
  readonly clock: Clock;
  /** A larger patch is given up; 64 MiB when left out. */
  readonly maxDiffBytes?: number | undefined;
}

/** A patch for `git apply`, unless there was no difference or no repository, and what has to be said about it. */
export interface WrittenDiff {
  readonly patch: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * What a command changes in the folder it runs in: the difference between a tree written before it starts and one
 * written after it ended. What was changed or untracked before is in both, so it is not in the patch; what the command
 * committed is. Paths are those of the repository's top. A folder in no repository costs a few looks at the disk.
 */
export class JobDiff {
  readonly #place: DiffPlace;
  #before: { readonly snapshots: GitSnapshots; readonly tree: string } | undefined;
  #failure: string | undefined;

  private constructor(place: DiffPlace) {
    this.#place = place;
  }

  /** Before the command. Never throws: without a first tree there is a warning in the place of the patch. */
  static async begin(place: DiffPlace, signal: AbortSignal): Promise<JobDiff> {
    const diff = new JobDiff(place);
    try {
      if (place.fresh || !(await liesInRepository(place.folder))) return diff;
      diff.#before = await diff.#limited(signal, async (git) => {
        const snapshots = await GitSnapshots.open(git, place);
        return { snapshots, tree: await snapshots.take(git) };
      });
    } catch (error) {
      // Who gave the command up needs no difference either.
      if (!signal.aborted && !noRepository.test(messageOf(error))) diff.#failure = messageOf(error);
    }
    return diff;
  }

  /** After the command. Throws only when the signal was aborted. */
  async write(signal: AbortSignal): Promise<WrittenDiff> {
    if (this.#failure !== undefined) return { patch: undefined, warnings: [notTaken(this.#failure)] };
    if (this.#before === undefined && !(await this.#bringsRepository())) return { patch: undefined, warnings: [] };
    const snapshots = { warnings: this.#before?.snapshots.warnings ?? new Set<string>() };
    try {
      const patch = await this.#limited(signal, async (git) => {
        const { snapshots: open, before } = await this.#base(git);
        snapshots.warnings = open.warnings;
        return this.#writePatch(open, before, git);
      });
      return { patch, warnings: [...snapshots.warnings] };
    } catch (error) {
      signal.throwIfAborted();
      const reason =
        error instanceof TooMuch ? `it is larger than ${this.#maxDiffBytes / 1024 / 1024} MiB` : messageOf(error);
      return { patch: undefined, warnings: [...snapshots.warnings, notTaken(reason)] };
    }
  }

  get #maxDiffBytes(): number {
    return this.#place.maxDiffBytes ?? usualMaxDiffBytes;
  }

  async #base(git: Git): Promise<{ snapshots: GitSnapshots; before: string }> {
    if (this.#before !== undefined) return { snapshots: this.#before.snapshots, before: this.#before.tree };
    const snapshots = await GitSnapshots.open(git, this.#place);
    const head = await gitText(git, ['rev-parse', '--verify', '--quiet', 'HEAD^{tree}']).catch(() => '');
    return { snapshots, before: head === '' ? await gitText(snapshots.at(git), ['mktree']) : head };
  }

  async #writePatch(snapshots: GitSnapshots, before: string, git: Git): Promise<string | undefined> {
    const after = await snapshots.take(git);
    if (after === before) return undefined;
    const file = path.join(this.#place.scratch, 'diff.diff');
    // diff-tree, since `git diff` obeys settings that make its output unusable as a patch.
    await runGit(snapshots.at(git), ['diff-tree', ...patchOptions, before, after, '--', snapshots.pathspec], {
      into: { file, maxBytes: this.#maxDiffBytes },
    });
    return (await stat(file)).size === 0 ? undefined : file;
  }

  async #bringsRepository(): Promise<boolean> {
    return this.#place.fresh && (await isThere(path.join(this.#place.folder, '.git')));
  }

  // A repository on a disk that does not answer, or one with a million files, must not hold the job up.
  async #limited<T>(signal: AbortSignal, action: (git: Git) => Promise<T>): Promise<T> {
    const { clock, env, folder } = this.#place;
    const limit = new AbortController();
    const cancel = clock.after(gitTimeLimitMs, () =>
      limit.abort(new Error(`git took longer than ${gitTimeLimitMs / 1000} s`)),
    );
    const either = firstAbort([signal, limit.signal]);
    // The command may have removed the folder that it ran in.
    const cwd = this.#before?.snapshots.top ?? folder;
    try {
      return await action(gitIn(cwd, env, either.signal));
    } finally {
      cancel();
      either.release();
    }
  }
}

async function liesInRepository(folder: string): Promise<boolean> {
  let at = await realpath(folder);
  for (;;) {
    if (await isThere(path.join(at, '.git'))) return true;
    const above = path.dirname(at);
    if (above === at) return false;
    at = above;
  }
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function notTaken(reason: string): string {
  return `diff.diff was not deposited: ${reason} (\`--no-diff\` does without it)`;
}
