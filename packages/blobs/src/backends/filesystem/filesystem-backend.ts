import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { AppError } from '@proofhouse/core';
import type {
  BlobBackend,
  BlobListing,
  BlobReading,
  BlobStat,
  BlobWriter,
  ByteRange,
  Leftover,
  ListOptions,
  SweepOptions,
} from '../../blob-backend.ts';
import { requireBlobKey, requireBlobKeyPrefix } from '../../blob-key.ts';
import { closedStore } from '../../closed-store.ts';
import { requireRange } from '../../require-range.ts';
import { blobFileStat } from './blob-file-stat.ts';
import { BlobFileStream, readFully } from './blob-file-stream.ts';
import { BufferPool } from './buffer-pool.ts';
import { type FileSystem, nodeFileSystem, type OpenFile } from './file-system.ts';
import { FilesystemLayout } from './filesystem-layout.ts';
import { listBlobs, sweepLeftovers } from './filesystem-walk.ts';
import { FilesystemWriter } from './filesystem-writer.ts';
import { readMarkerFile, writeMarkerFile } from './marker-file.ts';
import { QuickReads } from './quick-reads.ts';
import { blobMode, StagedFile } from './staged-file.ts';
import { errnoOf, notPlain, storageError } from './storage-error.ts';

export interface FilesystemBackendOptions {
  /** Absolute path of the root folder, which only this store may use. Created if it is missing. May be a symbolic link. */
  readonly root: string;
  /** The file system functions to use. Default `node:fs/promises`. */
  readonly fileSystem?: FileSystem;
}

/** Ranges of up to this many bytes are read with one call, which is faster than a stream. */
const wholeReadBytes = 256 * 1024;

// The flags for opening a blob file. O_NONBLOCK prevents that `open` blocks if somebody put a FIFO in the place of the
// blob.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Stores each blob as a file. See `BlobBackend` for its obligations and `FilesystemLayout` for the paths of the files. */
export class FilesystemBackend implements BlobBackend {
  readonly kind = 'filesystem';
  readonly supports = { durable: true, signedUrls: false, localFiles: true } as const;
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #buffers = new BufferPool();
  /**
   * Reads small ranges synchronously. Undefined if a test gave its own file system, because these reads would not use
   * it.
   */
  readonly #quick: QuickReads | undefined;
  #layout: FilesystemLayout | undefined;
  #opening: Promise<void> | undefined;
  #setMode = false;
  #closed = false;

  constructor(options: FilesystemBackendOptions) {
    if (!isAbsolute(options.root)) {
      throw new AppError('invalid_request', `The blob folder must be an absolute path: ${options.root}`);
    }
    this.#root = options.root;
    this.#fs = options.fileSystem ?? nodeFileSystem;
    this.#quick = options.fileSystem === undefined ? new QuickReads() : undefined;
  }

  async open(): Promise<void> {
    if (this.#closed) throw closedStore();
    if (this.#layout !== undefined) return;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    await this.#opening;
  }

  create(key: string): Promise<BlobWriter> {
    return wrapped('store a blob', async () => {
      const layout = this.#ready(key);
      return new FilesystemWriter({
        fs: this.#fs,
        stagingPath: layout.newStagingPath(key),
        path: layout.pathOf(key),
        shard: layout.shardOf(key),
        setMode: this.#setMode,
        isOpen: () => !this.#closed,
      });
    });
  }

  read(key: string, range?: ByteRange): Promise<BlobReading> {
    return wrapped('read a blob', async () => {
      const layout = this.#ready(key);
      const quick = range && this.#quick?.read(layout.pathOf(key), layout.shardOf(key), range);
      if (quick !== undefined) return quick;
      const file = await this.#openPlain(layout, key);
      let keep = false;
      try {
        const stat = blobFileStat(await requirePlain(file.stat({ bigint: true })));
        const wanted = requireRange(range, stat.sizeBytes);
        const length = wanted.end + 1 - wanted.start;
        if (length <= wholeReadBytes) return { stat, body: await readFully(file, wanted.start, length) };
        keep = true;
        return { stat, body: new BlobFileStream(file, wanted, this.#buffers) };
      } finally {
        if (!keep) await file.close().catch(() => undefined);
      }
    });
  }

  stat(key: string): Promise<BlobStat | undefined> {
    return wrapped('look at a blob', async () => {
      const layout = this.#ready(key);
      if (!(await layout.shardOf(key).check())) return undefined;
      const found = requirePlain(this.#fs.lstat(layout.pathOf(key), { bigint: true }));
      return await found.then(blobFileStat, undefinedIfMissing);
    });
  }

  delete(key: string): Promise<void> {
    return wrapped('delete a blob', async () => {
      const layout = this.#ready(key);
      if (!(await layout.shardOf(key).check())) return;
      const path = layout.pathOf(key);
      try {
        await this.#fs.unlink(path);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return;
        await requirePlain(this.#fs.lstat(path, { bigint: true }));
        throw error;
      }
    });
  }

  async *list({ prefix = '', onPlanted }: ListOptions = {}): AsyncIterable<BlobListing> {
    try {
      requireBlobKeyPrefix(prefix);
      yield* listBlobs(this.#fs, this.#ready(), prefix, onPlanted);
    } catch (error) {
      throw storageError('list the blobs', error);
    }
  }

  sweepStaging(olderThan: number, options: SweepOptions = {}): Promise<Leftover[]> {
    return wrapped('sweep interrupted uploads', () => sweepLeftovers(this.#fs, this.#ready(), olderThan, options));
  }

  readMarker(): Promise<string | undefined> {
    return wrapped('read the marker of a store', () => readMarkerFile(this.#ready().markerPlace().path, this.#fs));
  }

  writeMarker(text: string, options: { replace?: boolean } = {}): Promise<string> {
    return wrapped('write the marker of a store', () =>
      writeMarkerFile(this.#ready().markerPlace(), text, options, this.#fs),
    );
  }

  localPath(key: string): string {
    return this.#ready(key).pathOf(key);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await this.#layout?.close();
  }

  async #open(): Promise<void> {
    let layout: FilesystemLayout | undefined;
    try {
      layout = await FilesystemLayout.open(this.#fs, this.#root);
      await this.#probe(layout);
      this.#layout = layout;
    } catch (error) {
      await layout?.close();
      throw cannotOpen(this.#root, error);
    }
  }

  #ready(key?: string): FilesystemLayout {
    if (key !== undefined) requireBlobKey(key);
    if (this.#layout === undefined || this.#closed) throw closedStore();
    return this.#layout;
  }

  /** Opens the file of a blob, and checks the folder of the file. Throws `not_found` if there is no such blob. */
  async #openPlain(layout: FilesystemLayout, key: string): Promise<OpenFile> {
    const [file, way] = await Promise.allSettled([
      this.#fs.open(layout.pathOf(key), readFlags),
      layout.shardOf(key).check(),
    ]);
    if (way.status === 'fulfilled' && file.status === 'fulfilled') return file.value;
    if (file.status === 'fulfilled') await file.value.close().catch(() => undefined);
    const error: unknown =
      way.status === 'rejected' ? way.reason : file.status === 'rejected' ? file.reason : undefined;
    if (way.status === 'rejected' || errnoOf(error) !== 'ENOENT') throw error;
    throw new AppError('not_found', 'There is no blob with this key.', { cause: error });
  }

  /**
   * Writes, syncs and links a file. So a file system that does not support one of these operations is refused at the
   * start.
   */
  async #probe(layout: FilesystemLayout): Promise<void> {
    const staged = await StagedFile.create(this.#fs, layout.newStagingPath('probe'));
    try {
      await staged.append([new Uint8Array(1)]);
      this.#setMode = (await staged.mode()) !== blobMode;
      await staged.sync();
      const linked = join(layout.blobs.path, basename(staged.path));
      await staged.linkTo(linked);
      await this.#fs.unlink(linked);
    } finally {
      await staged.discard();
    }
  }
}

async function wrapped<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(operation, error);
  }
}

async function requirePlain(stat: Promise<BigIntStats>): Promise<BigIntStats> {
  const found = await stat;
  if (!found.isFile()) throw notPlain('What lies at the place of a blob');
  return found;
}

function undefinedIfMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
  return undefined;
}

function cannotOpen(root: string, error: unknown): AppError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `The blob folder ${root} cannot be used: ${why}. It must be a writable folder that allows hard links.`;
  return new AppError('unavailable', message, { cause: error, details: { errno: errnoOf(error) ?? 'unknown' } });
}
