import type { BigIntStats } from 'node:fs';
import { join, relative } from 'node:path';
import type { BlobListing, Leftover, SweepOptions } from '../../blob-backend.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { FileSystem } from './file-system.ts';
import { type FilesystemLayout, isBlobName, isProbeName, isStagingName } from './filesystem-layout.ts';
import type { Folder } from './folder.ts';
import { errnoOf, storageError } from './storage-error.ts';

/** Number of directory entries that are read at a time, and of files whose stats are read at the same time. */
const batchNames = 64;

type OnPlanted = SweepOptions['onPlanted'];

/**
 * Yields every blob whose key begins with `prefix`, shard by shard. A link in the place of a blob is yielded and not
 * followed. If the entry in the place of a shard is not the folder that the store created, it is skipped, and its path
 * is passed to `onPlanted`.
 */
export async function* listBlobs(
  fs: FileSystem,
  layout: FilesystemLayout,
  prefix: string,
  onPlanted?: OnPlanted,
): AsyncIterable<BlobListing> {
  for (const [name, shard] of layout.shards) {
    if (!prefix.startsWith(name) && prefix !== '') continue;
    if (!(await isUsable(layout, shard, onPlanted))) continue;
    const wanted = (entry: string): boolean => entry.startsWith(prefix) && isBlobName(name, entry);
    for await (const found of namesIn(fs, shard.path, wanted)) {
      yield { key: found.name, ...blobFileStat(found.stat) };
    }
  }
}

/**
 * Removes staged files that killed processes left. Removes only files that were last written before `olderThan`. So an
 * upload in progress is kept, however long ago it began.
 */
export async function sweepLeftovers(
  fs: FileSystem,
  layout: FilesystemLayout,
  olderThan: number,
  { dryRun = false, limit = Infinity, onPlanted }: SweepOptions,
): Promise<Leftover[]> {
  const removed: Leftover[] = [];
  const places = [
    { folder: layout.staging, isLeftover: isStagingName },
    { folder: layout.blobs, isLeftover: isProbeName },
  ];
  for (const { folder, isLeftover } of places) {
    if (!(await isUsable(layout, folder, onPlanted))) continue;
    for await (const { name, stat } of namesIn(fs, folder.path, isLeftover)) {
      if (removed.length >= limit) return removed;
      const { sizeBytes, createdAt } = blobFileStat(stat);
      if (stat.isDirectory() || createdAt >= olderThan) continue;
      if (dryRun || (await removedNow(fs, join(folder.path, name)))) removed.push({ name, sizeBytes, createdAt });
    }
  }
  return removed;
}

/**
 * Returns true if the folder exists, and false if it does not. If another entry is in its place, calls `onPlanted` and
 * returns false. Throws `integrity_failure` in this case if there is no `onPlanted`.
 */
async function isUsable(layout: FilesystemLayout, folder: Folder, onPlanted: OnPlanted): Promise<boolean> {
  try {
    return await folder.check();
  } catch (error) {
    if (onPlanted === undefined || storageError('look at a folder', error).code !== 'integrity_failure') throw error;
    onPlanted(relative(layout.root, folder.path));
    return false;
  }
}

interface Named {
  readonly name: string;
  readonly stat: BigIntStats;
}

async function* namesIn(fs: FileSystem, path: string, wanted: (name: string) => boolean): AsyncIterable<Named> {
  let names: string[] = [];
  for await (const { name } of await fs.opendir(path, { bufferSize: batchNames })) {
    if (!wanted(name)) continue;
    names.push(name);
    if (names.length < batchNames) continue;
    yield* await lookAt(fs, path, names);
    names = [];
  }
  yield* await lookAt(fs, path, names);
}

/** Returns the names and stats of those files that still exist. */
async function lookAt(fs: FileSystem, path: string, names: string[]): Promise<Named[]> {
  const found = await Promise.all(
    names.map(async (name): Promise<Named | undefined> => {
      try {
        return { name, stat: await fs.lstat(join(path, name), { bigint: true }) };
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    }),
  );
  return found.filter((named) => named !== undefined);
}

async function removedNow(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.unlink(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
