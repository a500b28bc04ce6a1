import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { closedStore } from '../../closed-store.ts';
import type { FileSystem } from './file-system.ts';
import { GroupedSync } from './grouped-sync.ts';
import { errnoOf, notPlain } from './storage-error.ts';

const folderMode = 0o750;

/**
 * One folder of the blob storage, which is kept open. Through the open handle, an fsync is one call. The device and
 * inode of the folder are stored, so one lstat shows that nobody replaced a folder in its path by a link. The complete
 * path is resolved only if device or inode differ.
 */
export class Folder {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #parent: Folder | undefined;
  #identity: string | undefined;
  #device: bigint | undefined;
  #syncs: GroupedSync | undefined;
  #adopting: Promise<void> | undefined;
  #closed = false;

  constructor(fs: FileSystem, path: string, parent?: Folder) {
    this.#fs = fs;
    this.path = path;
    this.#parent = parent;
  }

  /** Creates the folder if it is missing, and opens it. The caller must sync the parent folder afterwards. */
  async open(): Promise<void> {
    await this.#make();
    await this.#adopt(undefined);
  }

  /**
   * Returns true if the folder exists. Throws `integrity_failure` if a link or a file is in its place, or if a folder above
   * it is a link.
   */
  async check(): Promise<boolean> {
    try {
      const found = await this.#fs.lstat(this.path, { bigint: true });
      // The parent must be synced, because another process created the folder. It may have stopped before the name of
      // the folder was durable.
      if (!this.isHeld(found)) await this.#adopt(this.#parent);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /**
   * Returns true if the entry at the path is the folder that is kept open. Then no folder in the path was replaced by a
   * link.
   */
  isHeld(found: BigIntStats): boolean {
    return identityOf(found) === this.#identity;
  }

  /** Returns true if the entry is on another file system than this folder. Returns false while this folder is not open. */
  isOnOtherDisk(found: BigIntStats): boolean {
    return this.#device !== undefined && found.dev !== this.#device;
  }

  /** Creates the folder again after it was removed, and makes its name durable. */
  async restore(): Promise<void> {
    await this.#make();
    await this.#adopt(this.#parent);
  }

  /**
   * Syncs the folder to disk. When the promise fulfils, the names that the folder had at the time of the call are
   * durable.
   */
  sync(): Promise<void> {
    if (this.#syncs === undefined || this.#closed) return Promise.reject(closedStore());
    return this.#syncs.sync();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#syncs?.close();
    this.#syncs = undefined;
    this.#identity = undefined;
  }

  async #make(): Promise<void> {
    try {
      await this.#fs.mkdir(this.path, folderMode);
      await this.#fs.chmod(this.path, folderMode);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }

  /** Opens the folder. If `parent` is given, syncs it first, so that the name of this folder is durable. */
  #adopt(parent: Folder | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(closedStore());
    this.#adopting ??= this.#takeHold(parent).finally(() => (this.#adopting = undefined));
    return this.#adopting;
  }

  async #takeHold(parent: Folder | undefined): Promise<void> {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const handle = await this.#fs.open(this.path, flags);
    try {
      if ((await this.#fs.realpath(this.path)) !== this.path) throw notPlain('A folder of the blob store');
      const found = await handle.stat({ bigint: true });
      // Another file system is mounted at this folder. Staged files cannot be linked into it.
      if (this.#parent?.isOnOtherDisk(found) === true) throw notPlain('A folder of the blob store');
      const identity = identityOf(found);
      await parent?.sync();
      this.#identity = identity;
      this.#device = found.dev;
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
    const before = this.#syncs;
    this.#syncs = new GroupedSync(handle);
    await before?.close();
    if (this.#closed) await this.#syncs.close();
  }
}

function identityOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

/** Creates a folder and its missing ancestors, and syncs the parent of each. Existing folders are not changed. */
export async function makeFolders(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.mkdir(path, folderMode);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return;
    if (errno !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolders(fs, dirname(path));
    await fs.mkdir(path, folderMode);
  }
  await fs.chmod(path, folderMode);
  const parent = await fs.open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
