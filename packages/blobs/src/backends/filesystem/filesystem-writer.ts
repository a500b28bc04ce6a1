import { AppError } from '@proofhouse/core';
import type { BlobStat, BlobWriter } from '../../blob-backend.ts';
import { closedStore } from '../../closed-store.ts';
import type { FileSystem } from './file-system.ts';
import type { Folder } from './folder.ts';
import { StagedFile } from './staged-file.ts';
import { errnoOf, storageError } from './storage-error.ts';

/** Chunks are batched up to this many bytes or chunks and are written with one call. */
const batchBytes = 1024 * 1024;
const batchChunks = 256;

export interface WriterTarget {
  readonly fs: FileSystem;
  readonly stagingPath: string;
  readonly path: string;
  readonly shard: Folder;
  /** True if the mode must be set by a call of its own, because the umask removes bits from the mode of new files. */
  readonly setMode: boolean;
  readonly isOpen: () => boolean;
}

/**
 * Writes one blob: batches chunks, writes a batch while the next one fills, syncs, links, syncs the folder. Nothing is
 * created on disk before a batch is full or the blob is committed, so a refused small upload costs no I/O.
 */
export class FilesystemWriter implements BlobWriter {
  readonly #target: WriterTarget;
  #state: 'writing' | 'ended' = 'writing';
  #batch: Uint8Array[] = [];
  #gathered = 0;
  /** The batch that is being written. Never rejects; sets `#failure` instead. */
  #flight: Promise<void> = Promise.resolve();
  #failure: AppError | undefined;
  #staged: StagedFile | undefined;

  constructor(target: WriterTarget) {
    this.#target = target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#requireWriting();
    this.#requireUsable();
    if (chunk.byteLength === 0) return;
    this.#batch.push(chunk);
    this.#gathered += chunk.byteLength;
    if (this.#gathered < batchBytes && this.#batch.length < batchChunks) return;
    await this.#flight;
    this.#requireUsable();
    this.#flight = this.#send();
  }

  async commit(): Promise<BlobStat> {
    this.#requireWriting();
    this.#state = 'ended';
    try {
      await this.#flight;
      this.#requireUsable();
      await this.#send();
      this.#requireUsable();
      return await this.#publish();
    } catch (error) {
      await this.#staged?.discard();
      throw storageError('store a blob', error);
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#batch = [];
    await this.#flight;
    await this.#staged?.discard();
  }

  #requireWriting(): void {
    if (this.#state === 'ended') throw new AppError('internal', 'This blob writer has ended.');
  }

  #requireUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#target.isOpen()) throw closedStore();
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#gathered = 0;
    try {
      this.#staged ??= await StagedFile.create(this.#target.fs, this.#target.stagingPath);
      await this.#staged.append(batch);
    } catch (error) {
      this.#failure = storageError('write a blob', error);
    }
  }

  /** The order is: durable bytes, then the name, then a durable name. */
  async #publish(): Promise<BlobStat> {
    const { fs, path, shard } = this.#target;
    const staged = this.#staged;
    if (staged === undefined) throw new Error('Nothing was staged.');
    if (this.#target.setMode) await staged.setMode();
    const [stat] = await bothOrFirstFailure(staged.sync(), shard.check());
    await this.#link(staged);
    try {
      await bothOrFirstFailure(shard.sync(), staged.discard());
    } catch (error) {
      await fs.unlink(path).catch(() => undefined);
      throw error;
    }
    return stat;
  }

  async #link(staged: StagedFile): Promise<void> {
    const { path, shard } = this.#target;
    try {
      await staged.linkTo(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EEXIST') throw new AppError('already_exists', 'A blob has this key already.', { cause: error });
      if (errno !== 'ENOENT') throw error;
      await shard.restore();
      await staged.linkTo(path);
    }
  }
}

/** Waits for both even if one fails, so that no write continues after the return. */
async function bothOrFirstFailure<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
