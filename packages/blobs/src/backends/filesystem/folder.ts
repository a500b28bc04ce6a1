import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { closedStore } from '../../closed-store.ts';
import type { FileSystem } from './file-system.ts';
import { GroupedSync } from './grouped-sync.ts';
import { errnoOf, notPlain } from './storage-error.ts';

const folderMode = 0o750;

/**
 * One folder of the store, held open. Holding it open makes an fsync one call, and knowing which
 * folder it is (device and inode) makes the check that no link was planted on the way to it one
 * lstat: only a folder that is new to us is resolved as a whole.
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

  /** Makes the folder if it is missing and takes hold of it; the parent is left to be synced by the caller. */
  async open(): Promise<void> {
    await this.#make();
    await this.#adopt(undefined);
  }

  /**
   * Whether the folder is there. Throws `integrity_failure` when a link, a file or a link above it
   * stands in its place.
   */
  async check(): Promise<boolean> {
    try {
      const found = await this.#fs.lstat(this.path, { bigint: true });
      // Whoever made it may have been stopped before its name was durable.
      if (!this.isHeld(found)) await this.#adopt(this.#parent);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Whether what was found at the path is the folder that is held open: no link was planted on the way. */
  isHeld(found: BigIntStats): boolean {
    return identityOf(found) === this.#identity;
  }

  /** Whether what was found lies on another file system than this folder; false while this one is not held. */
  isOnOtherDisk(found: BigIntStats): boolean {
    return this.#device !== undefined && found.dev !== this.#device;
  }

  /** Makes the folder again after somebody removed it, durably. */
  async restore(): Promise<void> {
    await this.#make();
    await this.#adopt(this.#parent);
  }

  /** Settles when the names that were in the folder at the call are durable. */
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

  /** Takes hold of the folder at the path once its name is durable in `parent`, if one is given. */
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
      // A folder of another disk was mounted here: no blob can be linked into it.
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

/** Makes a folder and those above it, each durable in its parent; folders that exist are left as they are. */
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
