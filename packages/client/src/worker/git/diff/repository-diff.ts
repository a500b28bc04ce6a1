import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LargeContent } from '../filtered-files.ts';
import { repositoryAt, type MayLeadTo, type Repository } from '../find-repository.ts';
import { isOutOfSpace } from './out-of-space.ts';
import { hashPlainFile } from '../plain-file.ts';
import { commitsFromElsewhere, headCommit, ownRefs, refCommits } from '../repository-refs.ts';
import type { RepositorySettings } from '../repository-settings.ts';
import { gitText, nulTerminated, recordsOf, runGit, type Git } from '../run-git.ts';
import { ShadowRepository } from '../shadow-repository.ts';
import { shownName } from '../shown-name.ts';
import { Snapshots } from './snapshots.ts';

const patchOptions = [
  '-r',
  '--patch',
  '--binary',
  '--full-index',
  '--unified=3',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--ignore-submodules=none',
  '--submodule=short',
];

/** Largest number of branches, tags and stashes that are checked for commits that no working tree has checked out. */
const maxHiddenRefs = 50;

export interface RepositoryPlace {
  readonly repository: Repository;
  readonly settings: RepositorySettings;
  /** A folder of the worker that only this repository uses. */
  readonly scratch: string;
  readonly prefix: string;
  readonly ownFolders: readonly string[];
}

/** The change of one repository. */
export interface RepositoryChange {
  /** The commits that are checked out before (`base`) and after (`head`) the command. Null before the first commit. */
  readonly base: string | null;
  readonly head: string | null;
  /** Ids of the git trees before and after the command. They also contain uncommitted changes. */
  readonly baseTree: string;
  readonly headTree: string;
  /** Path of the patch file. Undefined if the patch is empty. */
  readonly patch: string | undefined;
  readonly contents: readonly LargeContent[];
  readonly leftOut: readonly string[];
}

/** The diff of one repository: the git tree before the command, the tree after it, and the patch between both. */
export class RepositoryDiff {
  readonly place: RepositoryPlace;
  readonly #shadow: ShadowRepository;
  /** Ids of commits from before the command. If the command adds a working tree, it starts at one of them. */
  readonly knownCommits: readonly string[];
  #before: { readonly snapshots: Snapshots; readonly tree: string; readonly head: string | undefined } | undefined;
  #after: Snapshots | undefined;

  private constructor(place: RepositoryPlace, shadow: ShadowRepository, knownCommits: readonly string[]) {
    this.place = place;
    this.#shadow = shadow;
    this.knownCommits = knownCommits;
  }

  /** Starts the diff of a repository that exists before the command. Writes the first tree. */
  static async begin(git: Git, place: RepositoryPlace): Promise<RepositoryDiff> {
    const shadow = await ShadowRepository.make(place.repository, place.settings, place.scratch);
    const diff = new RepositoryDiff(place, shadow, await refCommits(place.repository));
    const head = await headCommit(place.repository);
    const snapshots = await Snapshots.open(git, { ...place, shadow, known: true });
    diff.#before = { snapshots, tree: await snapshots.take(git, diff.#headsOf()), head };
    snapshots.settle();
    return diff;
  }

  /**
   * Starts the diff of a repository that the command created. Its first tree is that of the newest commit that the
   * command did not make. This commit is in the history of `knownCommits`, or of commits that were cloned or fetched.
   * `knownCommits` are commits of an existing repository whose git folder the new one shares. If no such commit exists,
   * the first tree is empty.
   */
  static async appeared(place: RepositoryPlace, knownCommits: readonly string[]): Promise<RepositoryDiff> {
    const shadow = await ShadowRepository.make(place.repository, place.settings, place.scratch);
    return new RepositoryDiff(place, shadow, knownCommits);
  }

  /** Paths of nested repositories relative to the top, as latin1 strings. `begin` and `write` add to them. */
  get nested(): readonly string[] {
    return [...new Set([...(this.#before?.snapshots.nested ?? []), ...(this.#after?.nested ?? [])])].sort();
  }

  /** Returns one line for each item that was omitted so far. Called if `write` did not finish. */
  async lines(): Promise<string[]> {
    return (await (this.#after ?? this.#before?.snapshots)?.lines()) ?? [];
  }

  /** Writes the patch to `file`. Called after the command. */
  async write(git: Git, file: string, maxBytes: number): Promise<RepositoryChange> {
    await requireFolder(this.place.repository.top);
    const leftOut: string[] = [];
    const before = this.#before ?? (await this.#baseOfNew(git, leftOut));
    if (this.#before !== undefined) {
      await this.#shadow.renew();
      await this.#before.snapshots.readUsersIndex(git).catch((error: unknown) => {
        git.signal.throwIfAborted();
        leftOut.push(`files that are ignored and were added to the index may not be in the diff: ${String(error)}`);
      });
    }
    const snapshots = before.snapshots;
    this.#after = snapshots;
    const headTree = await snapshots.take(git, this.#headsOf());
    const head = await headCommit(this.place.repository);
    const { patch, contents } = await this.#patch(git, {
      before: before.tree,
      after: headTree,
      file,
      maxBytes,
      leftOut,
    });
    leftOut.push(...(await snapshots.lines()), ...(await this.#hiddenCommits(git, head)));
    return { base: before.head ?? null, head: head ?? null, baseTree: before.tree, headTree, patch, contents, leftOut };
  }

  /** Returns a line for each branch, tag and stash with new commits that no working tree has checked out. */
  async #hiddenCommits(git: Git, head: string | undefined): Promise<string[]> {
    const at = this.#shadow.at(git);
    const { repository } = this.place;
    const elsewhere = this.#before === undefined ? await commitsFromElsewhere(repository) : [];
    const shown = [...(head === undefined ? [] : [head]), ...this.knownCommits, ...elsewhere];
    const fresh = [...(await ownRefs(repository))].filter(([, commit]) => !shown.includes(commit));
    const lines: string[] = [];
    for (const [name, commit] of fresh.slice(0, maxHiddenRefs)) {
      const range = ['--ignore-missing', '--count', commit, '--not', ...shown];
      const count = await gitText(at, ['rev-list', ...range]).catch(() => undefined);
      git.signal.throwIfAborted();
      if (count === '0') continue;
      const what = name === 'refs/stash' ? 'a stash' : `${count ?? 'the'} commits of ${shownName(name.slice(5))}`;
      lines.push(`${what} that no working tree shows: not in the diff`);
    }
    const more = fresh.length - maxHiddenRefs;
    return more > 0 ? [...lines, `commits of ${String(more)} more branches and tags were not looked at`] : lines;
  }

  async #baseOfNew(git: Git, leftOut: string[]) {
    const at = this.#shadow.at(git);
    const { repository } = this.place;
    const current = await headCommit(repository);
    const from = await this.#commitsIn(at, [...(await commitsFromElsewhere(repository)), ...this.knownCommits]);
    let head: string | undefined;
    if (current !== undefined && from.length > 0) {
      const answer = await runGit(at, ['merge-base', current, ...from], { partly: true });
      head = answer.said.toString().split('\n').find(Boolean);
      if (head === undefined)
        leftOut.push('it has no commit in common with what was fetched: its whole content is shown');
    }
    const snapshots = await Snapshots.open(git, { ...this.place, shadow: this.#shadow, known: false });
    const base =
      head === undefined ? await gitText(at, ['mktree']) : await gitText(at, ['rev-parse', `${head}^{tree}`]);
    if (!(await this.#hasIndex()) && current !== undefined && (await isEmpty(repository.top))) {
      // The repository was cloned without a checkout, so it has no index. With an empty index, the patch would delete
      // every file, so the index is read from the commit.
      await runGit(at, ['read-tree', current]);
      await markSkipped(at);
    }
    return { snapshots, tree: base, head };
  }

  async #hasIndex(): Promise<boolean> {
    return stat(this.#shadow.index).then(
      () => true,
      () => false,
    );
  }

  async #commitsIn(git: Git, ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const stdin = Buffer.from(ids.map((id) => `${id}^{commit}\n`).join(''));
    const { said } = await runGit(git, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], { stdin });
    const lines = said.toString().split('\n');
    return [...new Set(lines.flatMap((line) => (line.endsWith(' commit') ? line.split(' ').slice(0, 1) : [])))];
  }

  async #patch(
    git: Git,
    {
      before,
      after,
      file,
      maxBytes,
      leftOut,
    }: {
      before: string;
      after: string;
      file: string;
      maxBytes: number;
      leftOut: string[];
    },
  ): Promise<{ patch: string | undefined; contents: readonly LargeContent[] }> {
    if (after === before) return { patch: undefined, contents: [] };
    const at = this.#shadow.at(git);
    const { pathspec, pointers } = this.#after ?? { pathspec: '.', pointers: new Map<string, LargeContent>() };
    const raw = await runGit(at, [
      'diff-tree',
      '-r',
      '-z',
      '--no-renames',
      '--ignore-submodules=none',
      before,
      after,
      '--',
      pathspec,
    ]);
    const changes = changesIn(raw.said);
    const missing = await this.#missingOf(at, changes);
    for (const name of missing)
      leftOut.push(`${shownName(name)} is not in the diff: its content is not on this machine`);
    const excluded = missing.map((name) => Buffer.concat([Buffer.from(':(top,exclude,literal)'), name]).toString());
    const write = (how: string): Promise<unknown> =>
      runGit(at, ['diff-tree', ...patchOptions, how, before, after, '--', pathspec, ...excluded], {
        into: { file, maxBytes },
      });
    await write('-M');
    const contents = changes.flatMap(({ blob, name }) => {
      const content = pointers.get(name.toString('latin1'));
      return content?.blob === blob && content.sizeBytes > 0 ? [content] : [];
    });
    return { patch: (await stat(file)).size === 0 ? undefined : file, contents };
  }

  /** Returns the names of changed files whose blobs are missing, as in a partial clone. */
  async #missingOf(git: Git, changes: readonly Change[]): Promise<Buffer[]> {
    const blobs = changes.flatMap(({ oldBlob, blob, name }) => [oldBlob, blob].map((id) => ({ id, name })));
    const asked = blobs.filter(({ id }) => !/^0+$/.test(id));
    if (asked.length === 0) return [];
    const stdin = Buffer.from(asked.map(({ id }) => `${id}\n`).join(''));
    const { said } = await runGit(git, ['cat-file', '--batch-check'], { stdin });
    const answers = said.toString().split('\n');
    return [...new Set(asked.flatMap(({ name }, at) => (answers[at]?.endsWith(' missing') === true ? [name] : [])))];
  }

  #headsOf(): (name: string, recorded: string) => Promise<string | undefined> {
    const { top, commonDir, gitDir } = this.place.repository;
    return async (name, recorded) => {
      const folder = Buffer.concat([Buffer.from(top + path.sep), Buffer.from(name, 'latin1')]).toString();
      const found = await lstat(folder).catch(() => undefined);
      if (found?.isDirectory() !== true) return undefined;
      const nested = await realpath(folder).catch(() => folder);
      const allowed: MayLeadTo = (at) =>
        [top, commonDir, gitDir].some((root) => at === root || at.startsWith(root + path.sep));
      const repository = await repositoryAt(nested, allowed).catch(() => undefined);
      return (repository && (await headCommit(repository).catch(() => undefined))) ?? recorded;
    };
  }
}

interface Change {
  readonly oldBlob: string;
  readonly blob: string;
  readonly name: Buffer;
}

// Parses the output of `git diff-tree -z`, in the format `:<mode> <mode> <id> <id> <status>\0<name>\0`. A gitlink is
// the id of a commit, so it has no blob.
function changesIn(said: Buffer): Change[] {
  const records = recordsOf(said);
  const changes: Change[] = [];
  for (let at = 0; at + 1 < records.length; at += 2) {
    const [oldMode = '', mode = '', oldId = '', id = ''] = (records[at] ?? '').toString().slice(1).split(' ');
    const none = '0'.repeat(id.length);
    changes.push({
      oldBlob: oldMode === '160000' ? none : oldId,
      blob: mode === '160000' ? none : id,
      name: records[at + 1] ?? Buffer.alloc(0),
    });
  }
  return changes;
}

async function markSkipped(git: Git): Promise<void> {
  const { said } = await runGit(git, ['ls-files', '-z']);
  await runGit(git, ['update-index', '--skip-worktree', '-z', '--stdin'], { stdin: nulTerminated(recordsOf(said)) });
}

async function isEmpty(top: string): Promise<boolean> {
  return (await readdir(top)).every((name) => name === '.git');
}

async function requireFolder(top: string): Promise<void> {
  const found = await stat(top).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new Error('its folder is gone');
}

/** Copies the content of a Git LFS file to `to`. Returns false if the content has changed since it was hashed. */
export async function copyContent(
  top: string,
  content: LargeContent,
  to: string,
  signal: AbortSignal,
): Promise<boolean> {
  const file = Buffer.concat([Buffer.from(top + path.sep), content.name]);
  const copied = await hashPlainFile(file, { maxBytes: content.sizeBytes, signal, to }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (isOutOfSpace(error)) throw error;
  });
  return copied?.hash === content.oid;
}
