import { AppError } from '@proofhouse/core';
import type { BlobStat, BlobWriter } from '../../blob-backend.ts';
import { closedStore } from '../../closed-store.ts';
import type { FileSystem } from './file-system.ts';
import type { Folder } from './folder.ts';
import { StagedFile } from './staged-file.ts';
import { errnoOf, storageError } from './storage-error.ts';

/** Chunks are batched and written with one call when the batch reaches this many bytes. */
const batchBytes = 1024 * 1024;
/** A batch with this number of chunks is written even if it has fewer bytes. */
const batchChunks = 256;

export interface WriterTarget {
  readonly fs: FileSystem;
  readonly stagingPath: string;
  readonly path: string;
  readonly shard: Folder;
  /** True if the umask removes bits from the mode of new files, so that a separate call must set the mode. */
  readonly setMode: boolean;
  readonly isOpen: () => boolean;
}

/**
 * Writes one blob to a staged file. Chunks are collected in a batch, which is written while the next batch fills. The
 * commit syncs the file, links it to its blob path, and syncs the folder. The file is created only when a batch is full
 * or the blob is committed. So a small upload that is refused causes no I/O.
 */
export class FilesystemWriter implements BlobWriter {
  readonly #target: WriterTarget;
  #state: 'writing' | 'ended' = 'writing';
  #batch: Uint8Array[] = [];
  #gathered = 0;
  /** Settles when the current write of a batch has ended. Never rejects: a failed write sets `#failure`. */
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

  /**
   * Makes the bytes durable, then links the file to its blob path, then makes this path durable. This order is
   * required, because a visible blob must be complete after a crash.
   */
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

/**
 * Waits for both promises, even if one rejects, so that no I/O continues after the return. Then throws the first error.
 */
async function bothOrFirstFailure<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
