import { copyFile, lstat, mkdir, realpath, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { gitText, runGit, type Git, type GitAnswer } from './run-git.ts';
import { workFolderPrefix } from './work-folder.ts';

/** Larger files are left out: they would make a patch that nobody reads. */
const maxFileBytes = 64 * 1024 * 1024;
/** What is untracked or changed is copied into the scratch folder: more than this is not. */
const maxCopiedBytes = 1024 * 1024 * 1024;
const triesOfAdd = 3;
const statsAtOnce = 64;
/** A server's database marks its data folder, which changes with every job and is no work of any. */
const serverDatabase = 'proofhouse.db';

/** Settings of the repository that would write beside the scratch folder, run something of the user's, or refuse a file. */
const quiet = [
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.splitIndex=false',
  'core.hooksPath=/dev/null',
  'core.safecrlf=false',
  'core.fsync=none',
  'core.looseCompression=0',
  'add.ignoreErrors=false',
  'advice.addEmbeddedRepo=false',
].flatMap((setting) => ['-c', setting]);

export interface SnapshotPlace {
  /** Somewhere in the repository: only what lies below it is looked at. */
  readonly folder: string;
  /** For the copy of the index and new objects. */
  readonly scratch: string;
  /** Where workers keep the folders of their jobs, which are never part of a snapshot. */
  readonly workRoot: string;
}

/**
 * Writes trees of a folder in a repository as it is now: tracked and untracked files, less the ignored ones. The
 * repository stays as it is: a copy of its index is used, and new objects go to the scratch folder. The copy is used
 * again for the next tree, so that what did not change in between is not read again.
 */
export class GitSnapshots {
  readonly top: string;
  /** The folder as git names it below the top; empty for the top itself. */
  readonly #prefix: string;
  readonly #ownFolders: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #usersIndex: string;
  readonly #copiedIndex: string | undefined;
  /** Pathspecs of what was found too large, or not the job's. Once left out, always: half a difference is none. */
  readonly #leftOut = new Map<string, Buffer>();
  readonly warnings = new Set<string>();

  private constructor(parts: {
    top: string;
    prefix: string;
    ownFolders: readonly string[];
    env: Readonly<Record<string, string>>;
    usersIndex: string;
    copiedIndex: string | undefined;
  }) {
    this.top = parts.top;
    this.#prefix = parts.prefix;
    this.#ownFolders = parts.ownFolders;
    this.#env = parts.env;
    this.#usersIndex = parts.usersIndex;
    this.#copiedIndex = parts.copiedIndex;
  }

  /** `git` stands in the folder. Rejects when that is in no repository's working tree. */
  static async open(git: Git, { folder, scratch, workRoot }: SnapshotPlace): Promise<GitSnapshots> {
    const top = await gitText(git, ['rev-parse', '--show-toplevel']);
    const prefix = (await gitText(git, ['rev-parse', '--show-prefix'])).replace(/\/$/, '');
    const objects = path.resolve(folder, await gitText(git, ['rev-parse', '--git-path', 'objects']));
    const usersIndex = path.resolve(folder, await gitText(git, ['rev-parse', '--git-path', 'index']));
    const index = path.join(scratch, 'git-index');
    const ownObjects = path.join(scratch, 'git-objects');
    await mkdir(ownObjects, { recursive: true });
    const env = {
      GIT_INDEX_FILE: index,
      GIT_OBJECT_DIRECTORY: ownObjects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(objects),
    };
    const ownFolders = ownFoldersBelow(top, await realpath(workRoot));
    return new GitSnapshots({
      top,
      prefix,
      ownFolders,
      env,
      usersIndex,
      copiedIndex: await copyIndex(usersIndex, index),
    });
  }

  /** The folder as a pathspec from the top. */
  get pathspec(): string {
    return this.#prefix === '' ? '.' : `:(top,literal)${this.#prefix}`;
  }

  /** Git at the top, with the copy of the index. */
  at(git: Git): Git {
    return { ...git, cwd: this.top, env: { ...git.env, ...this.#env } };
  }

  /** The id of a tree in which everything outside the folder is as the copied index has it. */
  async take(given: Git): Promise<string> {
    const git = this.at(given);
    await this.#addForcedFiles(git, given.env);
    const { changed, untracked } = await this.#toAdd(git);
    // `-A` refuses a folder that is ignored, although some of its files may be tracked.
    if (changed || untracked) await this.#add(git, untracked ? '-A' : '-u');
    return this.#writeTree(git);
  }

  async #toAdd(git: Git): Promise<{ changed: boolean; untracked: boolean }> {
    const found = { changed: false, untracked: false };
    const names = await listed(git, ['-t', '-m', '-o', '--exclude-standard', '--', this.pathspec, ...this.#ownFolders]);
    const entries = names.map((name) => ({ untracked: name[0] === 0x3f, name: name.subarray(2) }));
    for (const { name } of entries) this.#leaveOutServer(name);
    let copiedBytes = 0;
    for (let from = 0; from < entries.length; from += statsAtOnce) {
      git.signal.throwIfAborted();
      const some = entries.slice(from, from + statsAtOnce);
      const sizes = await Promise.all(some.map(({ name }) => sizeOf(this.top, name)));
      some.forEach(({ untracked, name }, at) => {
        // A repository inside the repository, which no patch can hold. With a commit or without, it is nobody's file.
        if (untracked && name.at(-1) === 0x2f) this.#leaveOut(name.subarray(0, -1));
        const size = sizes[at] ?? 0;
        if (size > maxFileBytes) {
          this.#leaveOut(name);
          this.warnings.add(`${name.toString()} is larger than 64 MiB and not in the diff`);
        }
        if (this.#isLeftOut(name)) return;
        copiedBytes += size;
        found[untracked ? 'untracked' : 'changed'] = true;
      });
    }
    if (copiedBytes > maxCopiedBytes) throw new Error('more than 1 GiB of files there are new or changed');
    return found;
  }

  /** The command may have added what is ignored: then it is part of what it did, though `add` would pass it over. */
  async #addForcedFiles(git: Git, usersEnv: Readonly<Record<string, string>>): Promise<void> {
    if ((await identityOf(this.#usersIndex)) === this.#copiedIndex) return;
    const ignored = ['-c', '-i', '--exclude-standard', '--', this.pathspec, ...this.#ownFolders];
    const known = new Set((await listed(git, ignored)).map(String));
    const added = (await listed({ ...git, env: usersEnv }, ignored)).filter((name) => !known.has(String(name)));
    const small: Buffer[] = [];
    for (const name of added) {
      if ((await sizeOf(this.top, name)) <= maxFileBytes) small.push(name, Buffer.from('\0'));
    }
    if (small.length === 0) return;
    await runGit(git, [...quiet, 'update-index', '--add', '--remove', '--replace', '-z', '--stdin'], {
      stdin: Buffer.concat(small),
    });
  }

  async #add(git: Git, how: '-A' | '-u'): Promise<void> {
    const args = ['add', how, '--pathspec-from-file=-', '--pathspec-file-nul'];
    const specs = [this.pathspec, ...this.#ownFolders, ...this.#leftOut.values()].map((spec) => Buffer.from(spec));
    const stdin = Buffer.concat(specs.flatMap((spec) => [spec, Buffer.from('\0')]));
    // What vanishes between being seen and being read makes git give up; soon it is not seen any more.
    for (let tries = 1; tries < triesOfAdd; tries += 1) {
      const done = await runGit(git, [...quiet, ...args], { stdin }).catch(() => git.signal.throwIfAborted());
      if (done !== undefined) return;
    }
    const done = await runGit(git, [...quiet, ...args, '--ignore-errors'], { stdin, partly: true });
    if (!done.whole) this.warnings.add(`not everything is in the diff: ${complaintOf(done)}`);
  }

  async #writeTree(git: Git): Promise<string> {
    const write = (): Promise<string> => gitText(git, [...quiet, 'write-tree', '--missing-ok']);
    try {
      return await write();
    } catch (error) {
      // A merge that waits for a decision outside the folder: nothing is said about those files.
      const conflicts = await listed(git, ['-u']);
      if (conflicts.length === 0) throw error;
      const names = conflicts.flatMap((name) => [name.subarray(name.indexOf(0x09) + 1), Buffer.from('\0')]);
      await runGit(git, [...quiet, 'update-index', '--force-remove', '-z', '--stdin'], { stdin: Buffer.concat(names) });
      return write();
    }
  }

  #leaveOutServer(name: Buffer): void {
    const text = name.toString('latin1');
    if (text === serverDatabase) for (const ending of ['', '-wal', '-shm']) this.#leaveOut(Buffer.from(text + ending));
    else if (text.endsWith(`/${serverDatabase}`)) this.#leaveOut(name.subarray(0, name.lastIndexOf(0x2f)));
  }

  // Literal, since names may hold what patterns are made of, and bytes, since they need not be text.
  #leaveOut(name: Buffer): void {
    this.#leftOut.set(name.toString('latin1'), Buffer.concat([Buffer.from(':(top,exclude,literal)'), name]));
  }

  #isLeftOut(name: Buffer): boolean {
    const text = name.toString('latin1');
    for (let end = text.length; end > 0; end = text.lastIndexOf('/', end - 1)) {
      if (this.#leftOut.has(text.slice(0, end))) return true;
    }
    return false;
  }
}

async function listed(git: Git, args: readonly string[]): Promise<Buffer[]> {
  const { said } = await runGit(git, [...quiet, 'ls-files', '-z', ...args]);
  const names: Buffer[] = [];
  for (let from = 0, to = said.indexOf(0); to !== -1; from = to + 1, to = said.indexOf(0, from)) {
    names.push(said.subarray(from, to));
  }
  return names;
}

async function sizeOf(top: string, name: Buffer): Promise<number> {
  const file = Buffer.concat([Buffer.from(`${top}/`), name]);
  return lstat(file).then(
    (found) => (found.isFile() ? found.size : 0),
    () => 0,
  );
}

/** Its identity when it was copied; undefined for a repository that has none yet. */
async function copyIndex(from: string, to: string): Promise<string | undefined> {
  const identity = await identityOf(from);
  if (identity === undefined) return undefined;
  const { mtimeMs, atimeMs } = await stat(from);
  await copyFile(from, to);
  // Git trusts an entry's size and time only when the index is younger than the file: a copy must not look younger.
  await utimes(to, atimeMs / 1000, (Math.floor(mtimeMs) - 1) / 1000);
  return identity;
}

async function identityOf(file: string): Promise<string | undefined> {
  return stat(file, { bigint: true }).then(
    ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
    () => undefined,
  );
}

function ownFoldersBelow(top: string, workRoot: string): string[] {
  const below = path.relative(top, workRoot).split(path.sep).join('/');
  if (below === '..' || below.startsWith('../') || path.isAbsolute(below)) return [];
  const escaped = below.replace(/[*?[\\]/g, '\\$&');
  return [`:(top,exclude,glob)${escaped === '' ? '' : `${escaped}/`}${workFolderPrefix}*/**`];
}

// Git parts this list at colons, unless an entry is quoted as in C.
function quoted(file: string): string {
  return `"${file.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

function complaintOf({ complaint }: GitAnswer): string {
  const lines = complaint.split('\n').filter((line) => line.startsWith('error: '));
  return lines.length === 0 ? complaint.trim() : lines.map((line) => line.slice('error: '.length)).join('; ');
}
