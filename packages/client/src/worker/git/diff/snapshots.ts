import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { addPointer, filtersOf, type LargeContent } from '../filtered-files.ts';
import { presentNames, readIndexEntries, updateIndex, type IndexEntries } from './index-entries.ts';
import { LeftOut } from './left-out.ts';
import type { RepositorySettings } from '../repository-settings.ts';
import { gitText, nulTerminated, recordsOf, runGit, type Git, type GitAnswer } from '../run-git.ts';
import type { ShadowRepository } from '../shadow-repository.ts';

/** Largest file in a patch, in bytes. A larger file is omitted. */
const maxFileBytes = 64 * 1024 * 1024;
/**
 * Largest total size in bytes of the untracked and changed files that git copies as objects into the scratch folder.
 */
const maxCopiedBytes = 1024 * 1024 * 1024;
const triesOfAdd = 3;
const statsAtOnce = 64;
/** Name of the database file of a server. Trees omit its folder, because a server writes to it during every job. */
const serverDatabase = 'proofhouse.db';

export interface SnapshotParts {
  readonly shadow: ShadowRepository;
  readonly settings: RepositorySettings;
  /** The folder of which trees are written, relative to the top of the working tree. Empty for the top itself. */
  readonly prefix: string;
  /** Git pathspecs that exclude the job folders. Job folders are never part of a snapshot. */
  readonly ownFolders: readonly string[];
  /** True if the repository existed before the command. */
  readonly known: boolean;
}

interface Entry {
  readonly untracked: boolean;
  readonly name: Buffer;
  readonly kind: 'file' | 'other' | 'gone' | 'special';
  readonly sizeBytes: number;
  readonly executable: boolean;
}

/**
 * Writes git trees of a folder in its current state: its tracked and untracked files, without ignored files. Uses a
 * copy of the user's index. All trees use the same copy, so that unchanged files are not read again. A repository
 * inside the folder is in a tree only as a commit id, and only if the index has an entry for it. `nested` lists these
 * repositories.
 */
export class Snapshots {
  readonly #parts: SnapshotParts;
  readonly #leftOut: LeftOut;
  readonly #nested = new Set<string>();
  readonly #pointers = new Map<string, LargeContent>();
  readonly #complaints = new Set<string>();
  #gitlinks: ReadonlyMap<string, string> = new Map();
  #settled: ReadonlySet<string> = new Set();
  #forced: ReadonlySet<string> | undefined;

  private constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#leftOut = new LeftOut(parts.shadow.repository.top);
  }

  /** Starts with a copy of the user's index. */
  static async open(given: Git, parts: SnapshotParts): Promise<Snapshots> {
    const snapshots = new Snapshots(parts);
    const git = parts.shadow.at(given);
    await parts.shadow.copyIndex(parts.shadow.index);
    const entries = await readIndexEntries(git, parts.prefix);
    await snapshots.#lookEverywhere(git, entries);
    snapshots.#gitlinks = entries.gitlinks;
    if (parts.known) snapshots.#forced = new Set(await snapshots.#ignoredEntries(git));
    return snapshots;
  }

  /** The git pathspec of the folder, relative to the top. */
  get pathspec(): string {
    return this.#parts.prefix === '' ? '.' : `:(top,literal)${this.#parts.prefix}`;
  }

  /** Paths of the nested repositories relative to the top, as latin1 strings. */
  get nested(): ReadonlySet<string> {
    return this.#nested;
  }

  /** Contents of Git LFS files by file name, as a latin1 string. */
  get pointers(): ReadonlyMap<string, LargeContent> {
    return this.#pointers;
  }

  /** Returns one line for each file that is not in the trees and may have changed. */
  async lines(): Promise<string[]> {
    return [...(await this.#leftOut.lines(this.#settled)), ...this.#complaints];
  }

  /**
   * Writes a tree of the folder as it is now, and returns the id of the tree. Everything outside the folder is as in
   * the index. `heads` returns the commit of a nested repository that is in the index, or undefined if the repository
   * is missing.
   */
  async take(given: Git, heads: (name: string, recorded: string) => Promise<string | undefined>): Promise<string> {
    const git = this.#parts.shadow.at(given);
    for (const name of this.#gitlinks.keys()) await this.#leaveNested(Buffer.from(name, 'latin1'));
    await this.#add(git, await this.#toAdd(git));
    const tree = await this.#writeTree(git, heads);
    return tree;
  }

  /**
   * Records which files are omitted so far. Later, `lines` returns a line for such a file only if the file has changed
   * since this call.
   */
  settle(): void {
    this.#settled = this.#leftOut.names;
  }

  /** Reads the user's index again. Called after the command, which may have added ignored files and repositories to it. */
  async readUsersIndex(given: Git): Promise<void> {
    const { shadow, prefix } = this.#parts;
    const copy = `${shadow.index}-after`;
    if (!(await shadow.copyIndex(copy))) return;
    const after = shadow.withIndex(given, copy);
    const entries = await readIndexEntries(after, prefix);
    this.#gitlinks = entries.gitlinks;
    const git = shadow.at(given);
    await this.#lookEverywhere(git, await readIndexEntries(git, prefix));
    const ignored = await this.#ignoredEntries(after);
    const added = ignored.filter((name) => this.#forced !== undefined && !this.#forced.has(name));
    const small: string[] = [];
    for (const name of added) {
      const { kind, sizeBytes } = await this.#entryOf(true, Buffer.from(name, 'latin1'));
      if (kind !== 'special' && sizeBytes <= maxFileBytes) small.push(name);
    }
    await updateIndex(git, ['--add', '--remove', '--replace'], small);
  }

  // Changes the copied index so that git checks every file. Otherwise git would skip files outside a sparse checkout
  // and files marked as unchanged. It would also search submodules for changes, using their configuration.
  async #lookEverywhere(git: Git, { gitlinks, skipped, assumed }: IndexEntries): Promise<void> {
    await updateIndex(git, ['--force-remove'], gitlinks.keys());
    await updateIndex(git, ['--no-assume-unchanged'], assumed);
    const present = await presentNames(this.#parts.shadow.repository.top, skipped, git.signal);
    await updateIndex(git, ['--no-skip-worktree'], present);
  }

  async #ignoredEntries(git: Git): Promise<string[]> {
    const args = ['ls-files', '-z', '-c', '-i', '--exclude-standard', '--', this.pathspec, ...this.#parts.ownFolders];
    return recordsOf((await runGit(git, args)).said).map((name) => name.toString('latin1'));
  }

  async #toAdd(git: Git): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const record of await this.#changed(git)) {
      const untracked = record[0] === 0x3f;
      const name = record.subarray(2);
      await this.#leaveOutServer(name);
      if (untracked && name.at(-1) === 0x2f) await this.#leaveNested(name.subarray(0, -1));
      else if (!this.#leftOut.has(name))
        entries.push({ untracked, name, kind: 'gone', sizeBytes: 0, executable: false });
    }
    const seen: Entry[] = [];
    for (let from = 0; from < entries.length; from += statsAtOnce) {
      git.signal.throwIfAborted();
      const some = entries.slice(from, from + statsAtOnce).filter(({ name }) => !this.#leftOut.has(name));
      seen.push(...(await Promise.all(some.map(({ untracked, name }) => this.#entryOf(untracked, name)))));
    }
    return this.#withinLimits(await this.#withoutFiltered(git, seen));
  }

  async #changed(git: Git): Promise<Buffer[]> {
    const args = ['ls-files', '-z', '-t', '-m', '-o', '--exclude-standard', '--', this.pathspec];
    const answer = await runGit(git, [...args, ...this.#parts.ownFolders]);
    this.#complain(answer);
    return recordsOf(answer.said);
  }

  async #entryOf(untracked: boolean, name: Buffer): Promise<Entry> {
    const file = Buffer.concat([Buffer.from(this.#parts.shadow.repository.top + path.sep), name]);
    const found = await lstat(file).catch(() => undefined);
    const nothing = { untracked, name, sizeBytes: 0, executable: false };
    if (found === undefined) return { ...nothing, kind: 'gone' };
    if (found.isSymbolicLink() || found.isDirectory()) return { ...nothing, kind: 'other' };
    if (!found.isFile()) return { ...nothing, kind: 'special' };
    return { untracked, name, kind: 'file', sizeBytes: found.size, executable: (found.mode & 0o100) !== 0 };
  }

  async #withoutFiltered(git: Git, entries: readonly Entry[]): Promise<Entry[]> {
    const files = entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
    const filters = await filtersOf(git, files, this.#parts.settings.filters);
    if (filters.size === 0) return [...entries];
    const kept: Entry[] = [];
    for (const entry of entries) {
      const filter = filters.get(entry.name);
      if (filter === undefined) kept.push(entry);
      else if (filter === 'lfs') await this.#addLarge(git, entry, kept);
      else await this.#leftOut.add(entry.name, `is not in the diff: its filter ${JSON.stringify(filter)} is not run`);
    }
    return kept;
  }

  async #addLarge(git: Git, entry: Entry, kept: Entry[]): Promise<void> {
    const added = await addPointer(git, entry.name, entry.executable);
    if (added === undefined) kept.push(entry);
    else {
      this.#pointers.set(entry.name.toString('latin1'), added);
      this.#transient.push(entry.name);
    }
  }

  /**
   * Names of Git LFS files whose pointers were already added to the index. `git add` must not add these files again.
   */
  #transient: Buffer[] = [];

  async #withinLimits(entries: readonly Entry[]): Promise<Entry[]> {
    const kept: Entry[] = [];
    let copiedBytes = 0;
    for (const entry of entries.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
      copiedBytes += entry.sizeBytes;
      if (entry.kind === 'special') await this.#leftOut.add(entry.name, 'is not in the diff: it is not a regular file');
      else if (entry.sizeBytes > maxFileBytes)
        await this.#leftOut.add(entry.name, 'is larger than 64 MiB and not in the diff');
      else if (copiedBytes > maxCopiedBytes)
        await this.#leftOut.add(entry.name, 'is not in the diff: more than 1 GiB of files there are new or changed');
      else kept.push(entry);
    }
    return kept;
  }

  async #add(git: Git, entries: readonly Entry[]): Promise<void> {
    const transient = this.#transient;
    this.#transient = [];
    if (entries.length === 0) return;
    // `-A` also adds untracked files, so it is used only if there are some. Git refuses `-A` for an ignored folder,
    // even if files in it are tracked.
    const how = entries.some(({ untracked }) => untracked) ? '-A' : '-u';
    const args = ['add', how, '--pathspec-from-file=-', '--pathspec-file-nul'];
    const done = transient.map((name) => Buffer.concat([Buffer.from(':(top,exclude,literal)'), name]));
    const stdin = nulTerminated([this.pathspec, ...this.#parts.ownFolders, ...this.#leftOut.pathspecs, ...done]);
    // Git fails if a file is removed between the moment when git lists it and the moment when git reads it. The next
    // try does not list the file.
    for (let tries = 1; tries < triesOfAdd; tries += 1) {
      const answer = await runGit(git, [...args], { stdin }).catch(() => git.signal.throwIfAborted());
      if (answer !== undefined) {
        this.#complain(answer);
        return;
      }
    }
    this.#complain(await runGit(git, [...args, '--ignore-errors'], { stdin, partly: true }));
  }

  async #writeTree(git: Git, heads: (name: string, recorded: string) => Promise<string | undefined>): Promise<string> {
    const lines: Buffer[] = [];
    for (const [name, recorded] of this.#gitlinks) {
      const head = await heads(name, recorded);
      if (head === undefined) continue;
      lines.push(Buffer.concat([Buffer.from(`160000 ${head}\t`), Buffer.from(name, 'latin1')]));
    }
    if (lines.length > 0) {
      const stdin = nulTerminated(lines);
      await runGit(git, ['update-index', '--add', '--replace', '-z', '--index-info'], { stdin });
    }
    const tree = await this.#writeIndex(git);
    await updateIndex(git, ['--force-remove'], this.#gitlinks.keys());
    return tree;
  }

  async #writeIndex(git: Git): Promise<string> {
    const write = (): Promise<string> => gitText(git, ['write-tree', '--missing-ok']);
    try {
      return await write();
    } catch (error) {
      // Files of an unresolved merge make `write-tree` fail. Those outside the folder are removed from the copied
      // index, without a line in `lines`.
      const conflicts = recordsOf((await runGit(git, ['ls-files', '-z', '-u'])).said);
      if (conflicts.length === 0) throw error;
      const names = conflicts.map((name) => name.subarray(name.indexOf(0x09) + 1).toString('latin1'));
      await updateIndex(git, ['--force-remove'], new Set(names));
      return write();
    }
  }

  async #leaveNested(name: Buffer): Promise<void> {
    const below = name.toString('latin1');
    const { prefix } = this.#parts;
    const start = prefix === '' ? '' : `${Buffer.from(prefix).toString('latin1')}/`;
    if (below.startsWith(start)) this.#nested.add(below);
    await this.#leftOut.add(name);
  }

  async #leaveOutServer(name: Buffer): Promise<void> {
    const text = name.toString('latin1');
    if (text === serverDatabase) {
      for (const ending of ['', '-wal', '-shm']) await this.#leftOut.add(Buffer.from(text + ending));
    } else if (text.endsWith(`/${serverDatabase}`)) {
      await this.#leftOut.add(name.subarray(0, name.lastIndexOf(0x2f)));
    }
  }

  #complain({ complaint, whole }: GitAnswer): void {
    const lines = complaint.split('\n').filter((line) => line.trim() !== '');
    const errors = lines.filter((line) => /^(error|warning): /.test(line));
    if (whole && errors.length === 0) return;
    const said = (errors.length === 0 ? lines : errors).map((line) => line.replace(/^(error|warning): /, ''));
    this.#complaints.add(`not everything is in the diff: ${said.join('; ').slice(0, 1000)}`);
  }
}
