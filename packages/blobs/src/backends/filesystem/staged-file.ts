import { constants } from 'node:fs';
import type { BlobStat } from '../../blob-backend.ts';
import { blobFileStat } from './blob-file-stat.ts';
import type { FileSystem, OpenFile } from './file-system.ts';

export const blobMode = 0o440;

/** A file in the staging folder. After it is written and synced, it is linked to its final path or discarded. */
export class StagedFile {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #file: OpenFile;

  private constructor(fs: FileSystem, path: string, file: OpenFile) {
    this.#fs = fs;
    this.path = path;
    this.#file = file;
  }

  static async create(fs: FileSystem, path: string): Promise<StagedFile> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return new StagedFile(fs, path, await fs.open(path, flags, blobMode));
  }

  /** Appends the chunks to the file, in order, with as few system calls as possible. */
  async append(chunks: Uint8Array[]): Promise<void> {
    let left = chunks;
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left);
      left = without(left, bytesWritten);
    }
  }

  /** Returns the actual mode of the file, which can have fewer bits than `blobMode` because of the umask. */
  async mode(): Promise<number> {
    return Number((await this.#file.stat({ bigint: true })).mode & 0o777n);
  }

  /** Sets the mode of the file to `blobMode`, independently of the umask. */
  async setMode(): Promise<void> {
    await this.#file.chmod(blobMode);
  }

  /**
   * Makes the bytes durable and returns the stat of the file. Nothing may be written afterwards, because this stat must
   * stay correct.
   */
  async sync(): Promise<BlobStat> {
    await this.#file.sync();
    return blobFileStat(await this.#file.stat({ bigint: true }));
  }

  /** Links the file to its final path. Throws EEXIST if the path exists. */
  async linkTo(path: string): Promise<void> {
    await this.#fs.link(this.path, path);
  }

  /**
   * Closes the file and removes it from the staging folder. Never throws. If the removal fails, a sweep removes the
   * file later.
   */
  async discard(): Promise<void> {
    await Promise.allSettled([this.#file.close(), this.#fs.unlink(this.path)]);
  }
}

/** Returns the chunks without their first `bytes` bytes. */
function without(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let taken = bytes;
  let index = 0;
  for (const chunk of chunks) {
    if (taken < chunk.byteLength) break;
    taken -= chunk.byteLength;
    index++;
  }
  const rest = chunks.slice(index);
  const first = rest[0];
  if (first !== undefined && taken > 0) rest[0] = first.subarray(taken);
  return rest;
}
