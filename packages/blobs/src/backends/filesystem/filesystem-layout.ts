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
 * The paths of the files below the root folder. A blob is `blobs/<first character of the key>/<key>`, a staged file is
 * `staging/<key>.<16 hex digits>`, and the marker is `store-id`. The 32 folders below `blobs` are called shards. They
 * are so few that each can be kept open, and concurrent commits share the fsync of their shard. A million files in one
 * shard are not slow, because file systems store directories as hashed trees.
 */
export class FilesystemLayout {
  readonly root: string;
  readonly blobs: Folder;
  readonly staging: Folder;
  readonly shards: ReadonlyMap<string, Folder>;
  readonly #fs: FileSystem;

  /** `root` must be resolved: no component of its path may be a symbolic link. */
  constructor(fs: FileSystem, root: string) {
    this.#fs = fs;
    this.root = root;
    this.blobs = new Folder(fs, join(root, 'blobs'));
    this.staging = new Folder(fs, join(root, 'staging'));
    this.shards = new Map(shardNames.map((name) => [name, new Folder(fs, join(root, 'blobs', name), this.blobs)]));
  }

  /** Creates the root and its folders durably, and opens them. A root that is a symbolic link is resolved once, here. */
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

  /** Returns the shard (folder of blobs) of a blob key. The caller must have checked the key with `requireBlobKey`. */
  shardOf(key: string): Folder {
    const shard = this.shards.get(key.slice(0, 1));
    if (shard === undefined) throw new Error('The key was not checked.');
    return shard;
  }

  pathOf(key: string): string {
    return join(this.shardOf(key).path, key);
  }

  /**
   * Returns the paths for reading and writing the marker, which is a text that says to which store the blobs belong.
   */
  markerPlace(): MarkerPlace {
    return { path: join(this.root, markerName), folder: this.root, temporary: this.newStagingPath('marker') };
  }

  /** Returns a new path in the staging folder. `label` is the blob key. It only helps people who inspect the folder. */
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

/** Returns the paths of all folders of blob storage with this root, the root first. The folders need not exist. */
export function blobFolders(root: string): string[] {
  const blobs = join(root, 'blobs');
  return [root, blobs, join(root, 'staging'), ...shardNames.map((name) => join(blobs, name))];
}

export function isStagingName(name: string): boolean {
  return stagingPattern.test(name);
}

/**
 * Returns true for names of temporary files. `FilesystemBackend.open` links them beside the shards, to test the file
 * system.
 */
export function isProbeName(name: string): boolean {
  return probePattern.test(name);
}

/** Returns true if a file of this name in the shard `shard` is a blob. */
export function isBlobName(shard: string, name: string): boolean {
  return name.startsWith(shard) && blobKeyPattern.test(name);
}
