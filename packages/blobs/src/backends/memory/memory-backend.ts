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
} from '../../blob-backend.ts';
import { requireBlobKey, requireBlobKeyPrefix, requireMarker } from '../../blob-key.ts';
import { closedStore } from '../../closed-store.ts';
import { requireRange } from '../../require-range.ts';

export interface MemoryBackendOptions {
  /** Largest total size in bytes of all blobs and open writers. Further writes throw `storage_full`. Default 1 GiB. */
  readonly maxBytes?: number;
  /** The clock of the storage, which sets `createdAt`. Returns epoch ms. Default: the system clock. */
  readonly now?: () => number;
}

interface StoredBytes {
  readonly bytes: Buffer;
  readonly stat: BlobStat;
}

/** Stores blobs in the memory of this process, for tests and demos. All blobs are lost at a restart. */
export class MemoryBackend implements BlobBackend {
  readonly kind = 'memory';
  readonly supports = { durable: false, signedUrls: false, localFiles: false } as const;
  readonly #blobs = new Map<string, StoredBytes>();
  readonly #maxBytes: number;
  readonly #now: () => number;
  #marker: string | undefined;
  #heldBytes = 0;
  #commits = 0;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(options: MemoryBackendOptions = {}) {
    this.#maxBytes = options.maxBytes ?? 1024 ** 3;
    // The storage has its own clock, as a file system or a bucket has.
    this.#now = options.now ?? Date.now;
  }

  async open(): Promise<void> {
    if (this.#state === 'closed') throw closedStore();
    this.#state = 'open';
  }

  async create(key: string): Promise<BlobWriter> {
    this.#requireReady(key);
    return new MemoryWriter({
      take: (sizeBytes) => this.#take(sizeBytes),
      giveBack: (sizeBytes) => (this.#heldBytes -= sizeBytes),
      put: (bytes) => this.#put(key, bytes),
    });
  }

  /** Returns a new buffer at each call, so a caller that changes the buffer does not change the blob. */
  async read(key: string, range?: ByteRange): Promise<BlobReading> {
    this.#requireReady(key);
    const found = this.#blobs.get(key);
    if (found === undefined) throw new AppError('not_found', 'There is no blob with this key.');
    const { start, end } = requireRange(range, found.stat.sizeBytes);
    return { stat: found.stat, body: Buffer.from(found.bytes.subarray(start, end + 1)) };
  }

  async stat(key: string): Promise<BlobStat | undefined> {
    this.#requireReady(key);
    return this.#blobs.get(key)?.stat;
  }

  async delete(key: string): Promise<void> {
    this.#requireReady(key);
    this.#heldBytes -= this.#blobs.get(key)?.stat.sizeBytes ?? 0;
    this.#blobs.delete(key);
  }

  async *list({ prefix = '' }: ListOptions = {}): AsyncIterable<BlobListing> {
    requireBlobKeyPrefix(prefix);
    this.#requireReady();
    for (const [key, { stat }] of this.#blobs) if (key.startsWith(prefix)) yield { key, ...stat };
  }

  /** Returns no leftovers, because unfinished writes in memory end with the process. */
  async sweepStaging(): Promise<Leftover[]> {
    this.#requireReady();
    return [];
  }

  async readMarker(): Promise<string | undefined> {
    this.#requireReady();
    return this.#marker;
  }

  async writeMarker(text: string, options: { replace?: boolean } = {}): Promise<string> {
    requireMarker(text);
    this.#requireReady();
    if (this.#marker === undefined || options.replace === true) this.#marker = text;
    return this.#marker;
  }

  localPath(key: string): undefined {
    this.#requireReady(key);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#blobs.clear();
  }

  #requireReady(key?: string): void {
    if (key !== undefined) requireBlobKey(key);
    if (this.#state !== 'open') throw closedStore();
  }

  #take(sizeBytes: number): void {
    this.#requireReady();
    if (this.#heldBytes + sizeBytes > this.#maxBytes) {
      throw new AppError('storage_full', `The blobs in memory may hold ${this.#maxBytes} bytes together.`);
    }
    this.#heldBytes += sizeBytes;
  }

  #put(key: string, bytes: Buffer): BlobStat {
    this.#requireReady();
    if (this.#blobs.has(key)) throw new AppError('already_exists', 'A blob has this key already.');
    const sizeBytes = bytes.byteLength;
    const stat = { sizeBytes, fingerprint: `${sizeBytes}-${++this.#commits}`, createdAt: this.#now() };
    this.#blobs.set(key, { bytes, stat });
    return stat;
  }
}

/** The methods of `MemoryBackend` that its writers call. */
interface MemorySpace {
  take(sizeBytes: number): void;
  giveBack(sizeBytes: number): void;
  put(bytes: Buffer): BlobStat;
}

class MemoryWriter implements BlobWriter {
  readonly #space: MemorySpace;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #ended = false;

  constructor(space: MemorySpace) {
    this.#space = space;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#requireWriting();
    this.#space.take(chunk.byteLength);
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.byteLength;
  }

  async commit(): Promise<BlobStat> {
    this.#requireWriting();
    try {
      const stat = this.#space.put(Buffer.concat(this.#chunks));
      this.#ended = true;
      return stat;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunks = [];
    this.#space.giveBack(this.#sizeBytes);
  }

  #requireWriting(): void {
    if (this.#ended) throw new AppError('internal', 'This blob writer has ended.');
  }
}
