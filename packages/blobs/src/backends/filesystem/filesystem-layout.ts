import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { blobKeyPattern } from '../../blob-backend.ts';
import type { FileSystem } from './file-system.ts';
import { Folder, makeFolders } from './folder.ts';
import type { MarkerPlace } from './marker-file.ts';

const shardNames = Array.from('abcdefghijklmnopqrstuvwxyz234567');
const stagingPattern = /^(?:[a-z2-7]{32}|probe|marker)\.[0-9a-f]{16}$/;
const markerName = 'store-id';
const probePattern = /^probe\.[0-9a-f]{16}$/;

/**
 * Where things lie under the root: `blobs/<first character of the key>/<key>` and
 * `staging/<key>.<16 hex digits>`, and beside them the marker, `store-id`. There are few shards (32) so that each can be held open and
 * commits that happen at once share the fsync of their folder; directories are hashed trees, so a
 * million names in one cost nothing.
 */
export class FilesystemLayout {
  readonly root: string;
  readonly blobs: Folder;
  readonly staging: Folder;
  readonly shards: ReadonlyMap<string, Folder>;
  readonly #fs: FileSystem;

  /** `root` is resolved: no part of it is a link. */
  constructor(fs: FileSystem, root: string) {
    this.#fs = fs;
    this.root = root;
    this.blobs = new Folder(fs, join(root, 'blobs'));
    this.staging = new Folder(fs, join(root, 'staging'));
    this.shards = new Map(shardNames.map((name) => [name, new Folder(fs, join(root, 'blobs', name), this.blobs)]));
  }

  /** Makes root and folders, all durable. The operator may have chosen a link as the root: it is resolved once. */
  static async open(fs: FileSystem, root: string): Promise<FilesystemLayout> {
    await makeFolders(fs, root);
    const layout = new FilesystemLayout(fs, await fs.realpath(root));
    try {
      await layout.#open();
    } catch (error) {
      await layout.close();
      throw error;
    }
    return layout;
  }

  /** The folder of a checked key. */
  shardOf(key: string): Folder {
    const shard = this.shards.get(key.slice(0, 1));
    if (shard === undefined) throw new Error('The key was not checked.');
    return shard;
  }

  pathOf(key: string): string {
    return join(this.shardOf(key).path, key);
  }

  /** Where the marker of the store lies. */
  markerPlace(): MarkerPlace {
    return { path: join(this.root, markerName), folder: this.root, temporary: this.newStagingPath('marker') };
  }

  /** A new name for bytes that are being written; `label` is the key, for people who look. */
  newStagingPath(label: string): string {
    return join(this.staging.path, `${label}.${randomBytes(8).toString('hex')}`);
  }

  async close(): Promise<void> {
    for (const folder of [this.blobs, this.staging, ...this.shards.values()]) await folder.close();
  }

  async #open(): Promise<void> {
    await this.blobs.open();
    await this.staging.open();
    for (const shard of this.shards.values()) await shard.open();
    await this.blobs.sync();
    const root = new Folder(this.#fs, this.root);
    try {
      await root.open();
      await root.sync();
    } finally {
      await root.close();
    }
  }
}

/** Every folder of a blob root, the root first, whether they are there or not. */
export function blobFolders(root: string): string[] {
  const blobs = join(root, 'blobs');
  return [root, blobs, join(root, 'staging'), ...shardNames.map((name) => join(blobs, name))];
}

export function isStagingName(name: string): boolean {
  return stagingPattern.test(name);
}

/** What `open` links for a moment beside the shards, to see that it can. */
export function isProbeName(name: string): boolean {
  return probePattern.test(name);
}

/** Whether a file of this name in the shard `shard` is a blob's. */
export function isBlobName(shard: string, name: string): boolean {
  return name.startsWith(shard) && blobKeyPattern.test(name);
}
