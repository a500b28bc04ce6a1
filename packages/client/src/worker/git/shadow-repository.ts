import { lstat, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UnusableRepository, type Repository } from './find-repository.ts';
import { copyPlainFile } from './plain-file.ts';
import { configText, type RepositorySettings } from './repository-settings.ts';
import type { Git } from './run-git.ts';

const maxIndexBytes = 512 * 1024 * 1024;
const maxShallowBytes = 16 * 1024 * 1024;

/**
 * A private repository of the worker: its own git folder, with the working tree and the objects of the user's
 * repository. Git runs only with this private folder, which contains the worker's own configuration, refs, index and
 * new objects. So git reads no setting, hook, filter or alias of the user's repository, and writes nothing into the git
 * folder of the user. Git reads the objects through folders of symbolic links, so it does not follow alternates that a
 * command adds.
 */
export class ShadowRepository {
  readonly repository: Repository;
  readonly #settings: RepositorySettings;
  readonly #scratch: string;
  #env: Readonly<Record<string, string>> = {};

  private constructor(repository: Repository, settings: RepositorySettings, scratch: string) {
    this.repository = repository;
    this.#settings = settings;
    this.#scratch = scratch;
  }

  /** Creates the private repository in the folder `scratch`, which must not be used for anything else. */
  static async make(repository: Repository, settings: RepositorySettings, scratch: string): Promise<ShadowRepository> {
    const shadow = new ShadowRepository(repository, settings, scratch);
    await mkdir(path.join(scratch, 'objects'), { recursive: true });
    await shadow.renew();
    return shadow;
  }

  get index(): string {
    return path.join(this.#scratch, 'index');
  }

  /**
   * Returns a copy of `git` that uses this repository and its index. Its working folder is the top of the working tree.
   */
  at(git: Git): Git {
    return { ...git, cwd: this.repository.top, env: this.#env };
  }

  /** Like `at`, but the copy uses another index file. */
  withIndex(git: Git, index: string): Git {
    return { ...this.at(git), env: { ...this.#env, GIT_INDEX_FILE: index } };
  }

  /**
   * Creates the private git folder again. This is needed after a command, for two reasons: the command may have changed
   * the old folder, and the user's repository may have new objects. The index and the new objects of the worker are
   * kept.
   */
  async renew(): Promise<void> {
    const { GIT_DIR: old } = this.#env;
    const gitDir = await mkdtemp(path.join(this.#scratch, 'git-'));
    const settings = this.#settings;
    for (const folder of ['refs', 'objects', 'info', 'home']) await mkdir(path.join(gitDir, folder));
    const write = (name: string, content: string | Buffer): Promise<void> =>
      writeFile(path.join(gitDir, name), content, { mode: 0o600 });
    await write('HEAD', 'ref: refs/heads/none\n');
    await write('user-attributes', settings.userAttributes);
    await write('no-excludes', '');
    await write('info/exclude', settings.excludes);
    await write('info/attributes', settings.attributes);
    await write('config', configText(settings));
    await copyPlainFile(path.join(this.repository.commonDir, 'shallow'), path.join(gitDir, 'shallow'), maxShallowBytes);
    await this.#copySharedIndexes(gitDir);
    const home = path.join(gitDir, 'home');
    const views: string[] = [];
    for (const [at, objects] of this.repository.objects.entries()) {
      views.push(await linkObjects(objects, path.join(gitDir, `objects-${at}`)));
    }
    this.#env = {
      GIT_DIR: gitDir,
      GIT_WORK_TREE: this.repository.top,
      GIT_INDEX_FILE: this.index,
      GIT_OBJECT_DIRECTORY: path.join(this.#scratch, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: views.map(quoted).join(path.delimiter),
      HOME: home,
      XDG_CONFIG_HOME: home,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'core.attributesFile',
      GIT_CONFIG_VALUE_0: path.join(gitDir, 'user-attributes'),
      GIT_CONFIG_KEY_1: 'core.excludesFile',
      GIT_CONFIG_VALUE_1: path.join(gitDir, 'no-excludes'),
    };
    if (old !== undefined) await rm(old, { recursive: true, force: true });
  }

  /** Copies the current index of the user's repository. Returns false if it has none. */
  async copyIndex(to: string): Promise<boolean> {
    const index = path.join(this.repository.gitDir, 'index');
    const found = await lstat(index).catch(() => undefined);
    if (!(await copyPlainFile(index, to, maxIndexBytes))) return false;
    // If the index is newer than a file, git compares the file with its index entry only by size and time. So the copy
    // must not be newer than the original index.
    const seconds = (Math.floor(found?.mtimeMs ?? 0) - 1) / 1000;
    await utimes(to, seconds, seconds);
    return true;
  }

  // Copies the shared index files. If the index is split, it refers to one of them in the git folder.
  async #copySharedIndexes(gitDir: string): Promise<void> {
    const names = await readdir(this.repository.gitDir).catch(() => []);
    for (const name of names.filter((found) => /^sharedindex\.[0-9a-f]{40,64}$/.test(found)).slice(0, 4)) {
      await copyPlainFile(path.join(this.repository.gitDir, name), path.join(gitDir, name), maxIndexBytes);
    }
  }
}

/**
 * Links the entries of an object folder into the new folder `view`. Omits `info`, which can refer to other object
 * folders.
 */
async function linkObjects(objects: string, view: string): Promise<string> {
  const entries = await readdir(objects, { withFileTypes: true });
  const folders = entries.filter(({ name }) => name === 'pack' || /^[0-9a-f]{2}$/.test(name));
  const odd = folders.find((entry) => !entry.isDirectory());
  if (odd !== undefined) throw new UnusableRepository(`objects/${odd.name} is not a folder`);
  await requirePlainPacks(path.join(objects, 'pack'));
  // On Windows, symbolic links need a privilege. So the object folder itself is used there.
  if (process.platform === 'win32') return objects;
  await mkdir(view);
  await Promise.all(folders.map(({ name }) => symlink(path.join(objects, name), path.join(view, name))));
  return view;
}

// Throws if an entry of a pack folder is not a regular file. Git opens every pack file, and a FIFO would block it for
// ever.
async function requirePlainPacks(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd === undefined) return;
  const isLink = (await lstat(path.join(folder, odd.name))).isSymbolicLink();
  throw new UnusableRepository(`objects/pack/${odd.name} is ${isLink ? 'a symbolic link' : 'not a regular file'}`);
}

// Quotes a path as a C string. Git splits GIT_ALTERNATE_OBJECT_DIRECTORIES at colons, except inside such a string.
function quoted(file: string): string {
  return `"${file.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}
