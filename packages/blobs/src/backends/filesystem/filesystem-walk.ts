import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { BlobListing, Leftover } from '../../blob-backend.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { FileSystem } from './file-system.ts';
import { type FilesystemLayout, isBlobName, isProbeName, isStagingName } from './filesystem-layout.ts';
import { errnoOf } from './storage-error.ts';

/** Names taken from the system, and looked at, at once. */
const batchNames = 64;

/** Every name that is a blob's and begins with `prefix`, shard by shard; links are looked at and never followed. */
export async function* listBlobs(fs: FileSystem, layout: FilesystemLayout, prefix: string): AsyncIterable<BlobListing> {
  for (const [name, shard] of layout.shards) {
    if (!prefix.startsWith(name) && prefix !== '') continue;
    if (!(await shard.check())) continue;
    const wanted = (entry: string): boolean => entry.startsWith(prefix) && isBlobName(name, entry);
    for await (const found of namesIn(fs, shard.path, wanted)) {
      yield { key: found.name, ...blobFileStat(found.stat) };
    }
  }
}

/**
 * Everything that a process killed at any call leaves behind. Age is the time of the last write, so an upload that goes on
 * is young however long ago it began.
 */
export async function sweepLeftovers(
  fs: FileSystem,
  layout: FilesystemLayout,
  olderThan: number,
  dryRun: boolean,
): Promise<Leftover[]> {
  const removed: Leftover[] = [];
  const places = [
    { folder: layout.staging, isLeftover: isStagingName },
    { folder: layout.blobs, isLeftover: isProbeName },
  ];
  for (const { folder, isLeftover } of places) {
    if (!(await folder.check())) continue;
    for await (const { name, stat } of namesIn(fs, folder.path, isLeftover)) {
      const { sizeBytes, createdAt } = blobFileStat(stat);
      if (stat.isDirectory() || createdAt >= olderThan) continue;
      if (dryRun || (await removedNow(fs, join(folder.path, name)))) removed.push({ name, sizeBytes, createdAt });
    }
  }
  return removed;
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

/** Leaves out what went away meanwhile. */
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
