import { createHash, hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AppError, isAppError } from '@proofhouse/core';
import {
  type BlobBackend,
  type BlobBackendPowers,
  type BlobListing,
  type BlobReading,
  type BlobStat,
  type BlobWriter,
  type ByteRange,
  isLendingStream,
  type Leftover,
  type ListOptions,
  type SweepOptions,
} from './blob-backend.ts';
import { requireRange } from './require-range.ts';

export interface BlobsOptions {
  /** The storage of the blobs. The code that created the backend must open and close it. `Blobs` does neither. */
  readonly backend: BlobBackend;
  /** Returns a new random blob key at every call (32 characters of a-z2-7, 160 random bits). */
  readonly newKey: () => string;
  /**
   * Largest size of one blob in bytes. `ReceiveOptions.maxBytes` can set a lower limit for one call. Default: no limit.
   */
  readonly maxBytes?: number;
}

export interface ReceiveOptions {
  /** Largest accepted size in bytes. More bytes throw `artifact_too_large`. */
  readonly maxBytes?: number;
  /**
   * Expected SHA-256 of the bytes, 64 lower-case hex digits. If the bytes have another digest, the call throws
   * `digest_mismatch`. A malformed value throws `invalid_digest`.
   */
  readonly expectedSha256?: string;
  /** Observers that receive each chunk, in addition to the hash. Default: none. */
  readonly observers?: readonly ChunkObserver[];
}

/**
 * Receives the bytes of an upload while they are staged. The hash uses this interface. Scanners and parsers can use it
 * too.
 */
export interface ChunkObserver {
  /**
   * Called once for each chunk, in order, before the chunk is stored. If the call returns a promise, the upload waits
   * for it (back-pressure). An observer must not change a chunk, and must limit the number of bytes that it keeps. If
   * the call throws or its promise rejects, the upload fails with that error.
   */
  observe(chunk: Uint8Array): void | Promise<void>;
}

/** The fields of a record that identify its blob, and by which a change of the blob is detected. */
export interface BlobRef {
  readonly key: string;
  readonly sizeBytes: number;
  /** The SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  /**
   * The fingerprint that the backend returned when these bytes were last verified. It is not a hash of the bytes.
   * Callers must not parse it.
   */
  readonly fingerprint: string;
}

/** The fields of a record that are needed to verify the bytes of its blob. */
export type BlobBytes = Omit<BlobRef, 'fingerprint'>;

export type StoredBlob = BlobRef;

export interface OpenedBlob {
  /** The requested bytes: a buffer for small blobs and ranges, else a stream, which the caller must consume or destroy. */
  readonly body: Buffer | Readable;
  /**
   * The current fingerprint of the blob. It differs from that in the `BlobRef` if the file was moved, copied or touched
   * and the bytes are unchanged. The caller must then store it in the record. Otherwise each later read hashes the
   * whole blob again.
   */
  readonly fingerprint: string;
}

/** Staged bytes: complete and hashed, but not yet visible. The caller must call exactly one of `commit` and `discard`. */
export interface StagedBlob {
  readonly sizeBytes: number;
  /** The SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Makes the bytes durable, then visible under their blob key. */
  commit(): Promise<StoredBlob>;
  /** Discards the bytes. Never throws. May also be called after a failed `commit`. */
  discard(): Promise<void>;
}

/** Blobs up to this size, in bytes, are hashed at every read. */
export const alwaysHashedBytes = 256 * 1024;

const sha256Pattern = /^[0-9a-f]{64}$/;

/**
 * Stores and reads immutable blobs in a `BlobBackend`. Size limits and digests are checked here, before a blob becomes
 * visible. If bytes were changed, they are never returned. Errors of the backend (`unavailable`, `storage_full`, …) are
 * thrown unchanged. The other errors are documented at each method.
 */
export class Blobs {
  readonly #backend: BlobBackend;
  readonly #newKey: () => string;
  readonly #maxBytes: number;

  constructor(options: BlobsOptions) {
    this.#backend = options.backend;
    this.#newKey = options.newKey;
    this.#maxBytes = options.maxBytes ?? Infinity;
  }

  get kind(): string {
    return this.#backend.kind;
  }

  get supports(): BlobBackendPowers {
    return this.#backend.supports;
  }

  /**
   * Stores the bytes of `source` under a new blob key. When the promise has fulfilled, the bytes are durable. On any
   * failure nothing is stored, and an error of the source is thrown unchanged. A `Readable` source is not destroyed
   * when the upload is refused, so that an HTTP request can still be answered and drained. Chunks are kept until they
   * are stored, so the source must not reuse their memory.
   */
  async receive(source: AsyncIterable<Uint8Array>, options: ReceiveOptions = {}): Promise<StoredBlob> {
    const { expectedSha256 } = options;
    if (expectedSha256 !== undefined && !sha256Pattern.test(expectedSha256)) {
      throw new AppError('invalid_digest', 'The expected sha256 is 64 lower-case hex digits.');
    }
    const staged = await this.stage(source, options);
    try {
      requireDigest(staged.sha256, expectedSha256);
      return await staged.commit();
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /**
   * Stages the bytes of `source`, hashed and limited in size. Nothing is visible before the caller calls `commit`. Used
   * by callers that decide later whether to keep the bytes. For example, the digest field of a form may follow the
   * file.
   */
  async stage(
    source: AsyncIterable<Uint8Array>,
    options: Omit<ReceiveOptions, 'expectedSha256'> = {},
  ): Promise<StagedBlob> {
    const key = this.#newKey();
    const writer = await this.#backend.create(key);
    try {
      const { sizeBytes, sha256 } = await this.#pump(source, writer, options);
      return {
        sizeBytes,
        sha256,
        commit: async () => {
          const stat = await writer.commit();
          if (stat.sizeBytes !== sizeBytes) throw await this.#lostBytes(key, sizeBytes, stat);
          return { key, sizeBytes, sha256, fingerprint: stat.fingerprint };
        },
        discard: () => writer.abort(),
      };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /**
   * Opens the bytes of the blob of a record, all or only `range` (first and last byte, both included). A blob of up to
   * 256 KiB is hashed every time. A larger blob is opened without hashing if its fingerprint is that of the record. If
   * the fingerprints differ, the whole blob is hashed first. Throws `integrity_failure` if the bytes are missing,
   * changed, or not a plain object. Throws `range_not_satisfiable` if the range is not inside the blob.
   */
  async open(ref: BlobRef, range?: ByteRange): Promise<OpenedBlob> {
    const wanted = range === undefined ? undefined : requireRange(range, ref.sizeBytes);
    if (ref.sizeBytes <= alwaysHashedBytes) return await this.#openSmall(ref, wanted);
    const reading = await this.#read(ref, wanted);
    if (reading.stat.fingerprint === ref.fingerprint) return opened(reading);
    release(reading);
    const fingerprint = await this.verify(ref);
    const again = await this.#read(ref, wanted);
    if (again.stat.fingerprint === fingerprint) return opened(again);
    release(again);
    throw integrityFailure(ref, 'changed while it was checked');
  }

  /**
   * Reads and hashes the whole blob, even if its fingerprint is unchanged. Returns its current fingerprint. Throws
   * `integrity_failure` if the blob is missing or its bytes are changed.
   */
  async verify(ref: BlobBytes): Promise<string> {
    const { stat, body } = await this.#read(ref);
    if ((await sha256Of(body)) !== ref.sha256) throw integrityFailure(ref, 'has other bytes than were stored');
    return stat.fingerprint;
  }

  /**
   * Checks that the storage works: stores, reads and removes a small blob. Throws the error of the step that failed.
   */
  async probe(): Promise<void> {
    const stored = await this.receive(Readable.from([Buffer.from('probe')]));
    await this.open(stored);
    await this.delete(stored.key);
  }

  /** Removes the blob. A no-op if it is missing. Reads in progress are not affected. */
  delete(key: string): Promise<void> {
    return this.#backend.delete(key);
  }

  /**
   * Returns the stat of the blob with this key, or undefined if there is none. Throws `integrity_failure` if the entry
   * in the place of the blob is not a plain object.
   */
  stat(key: string): Promise<BlobStat | undefined> {
    return this.#backend.stat(key);
  }

  /** Yields every blob, or the blobs whose keys begin with `prefix`, in no particular order; see `BlobBackend.list`. */
  list(options?: ListOptions): AsyncIterable<BlobListing> {
    return this.#backend.list(options);
  }

  /** Removes leftovers of interrupted uploads that are older than `olderThan` (epoch ms); see `BlobBackend.sweepStaging`. */
  sweepStaging(olderThan: number, options?: SweepOptions): Promise<Leftover[]> {
    return this.#backend.sweepStaging(olderThan, options);
  }

  /** Returns the marker, which is the id of the store that owns the blobs; see `BlobBackend.readMarker`. */
  readMarker(): Promise<string | undefined> {
    return this.#backend.readMarker();
  }

  /** Writes the marker, which is the id of the store that owns the blobs; see `BlobBackend.writeMarker`. */
  writeMarker(text: string, options?: { replace?: boolean }): Promise<string> {
    return this.#backend.writeMarker(text, options);
  }

  /**
   * Returns the path of the file that contains the blob. Returns undefined if the backend does not have
   * `supports.localFiles`.
   */
  localPath(key: string): string | undefined {
    return this.#backend.localPath(key);
  }

  async #pump(source: AsyncIterable<Uint8Array>, writer: BlobWriter, options: ReceiveOptions) {
    const limitBytes = Math.min(options.maxBytes ?? Infinity, this.#maxBytes);
    const digest = createHash('sha256');
    const observers = [{ observe: (chunk: Uint8Array) => void digest.update(chunk) }, ...(options.observers ?? [])];
    let sizeBytes = 0;
    for await (const chunk of undestroyed(source)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limitBytes) {
        throw artifactTooLarge(limitBytes, 'more were sent');
      }
      for (const observer of observers) {
        const turn = observer.observe(chunk);
        // Most observers are synchronous. Their result is not awaited, because an await delays each chunk.
        if (turn !== undefined) await turn;
      }
      await writer.write(chunk);
    }
    return { sizeBytes, sha256: digest.digest('hex') };
  }

  async #openSmall(ref: BlobRef, range: ByteRange | undefined): Promise<OpenedBlob> {
    // The whole blob is requested as a range, because backends read small ranges faster. An empty blob has no valid
    // range, so it is requested without one.
    const whole = ref.sizeBytes === 0 ? undefined : { start: 0, end: ref.sizeBytes - 1 };
    const { stat, body } = await this.#read(ref, whole);
    const bytes = Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray());
    const sha256 = hash('sha256', bytes, 'hex');
    if (sha256 !== ref.sha256) throw integrityFailure(ref, 'has other bytes than were stored');
    const wanted = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
    return { body: wanted, fingerprint: stat.fingerprint };
  }

  /** Opens the blob. Throws `integrity_failure` if it is missing, or if its size is not that in the record. */
  async #read(ref: BlobBytes, range?: ByteRange): Promise<BlobReading> {
    let reading: BlobReading;
    try {
      reading = await this.#backend.read(ref.key, range);
    } catch (error) {
      if (isAppError(error, 'not_found')) throw integrityFailure(ref, 'is missing', error);
      if (isAppError(error, 'range_not_satisfiable')) throw integrityFailure(ref, 'has another size', error);
      throw error;
    }
    if (reading.stat.sizeBytes === ref.sizeBytes) return reading;
    release(reading);
    throw integrityFailure(ref, `has ${reading.stat.sizeBytes} bytes where ${ref.sizeBytes} were stored`);
  }

  async #lostBytes(key: string, sizeBytes: number, stat: BlobStat): Promise<AppError> {
    await this.#backend.delete(key).catch(() => undefined);
    return new AppError('integrity_failure', `The storage kept ${stat.sizeBytes} of ${sizeBytes} bytes.`);
  }
}

async function sha256Of(body: Buffer | Readable): Promise<string> {
  if (Buffer.isBuffer(body)) return hash('sha256', body, 'hex');
  const digest = createHash('sha256');
  if (isLendingStream(body)) await body.lend(async (piece) => void digest.update(piece));
  else for await (const chunk of body as AsyncIterable<Uint8Array>) digest.update(chunk);
  return digest.digest('hex');
}

function opened({ body, stat }: BlobReading): OpenedBlob {
  return { body, fingerprint: stat.fingerprint };
}

function release({ body }: BlobReading): void {
  if (!Buffer.isBuffer(body)) body.destroy();
}

function undestroyed(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return source instanceof Readable ? source.iterator({ destroyOnReturn: false }) : source;
}

function requireDigest(sha256: string, expected: string | undefined): void {
  if (expected === undefined || expected === sha256) return;
  throw new AppError('digest_mismatch', `The bytes have the sha256 ${sha256}, not ${expected} as was said.`, {
    details: { expected, actual: sha256 },
  });
}

function integrityFailure(ref: BlobBytes, what: string, cause?: unknown): AppError {
  return new AppError('integrity_failure', `The stored blob ${what}.`, { cause, details: { key: ref.key } });
}

/**
 * Returns the error for an upload above the size limit. `sent` is the last part of its message and says how many bytes
 * were sent.
 */
export function artifactTooLarge(limitBytes: number, sent: string): AppError {
  const settings = 'PROOFHOUSE_MAX_ARTIFACT_BYTES, of jobs AGENT_JOB_ARTIFACT_MAX_BYTES';
  const message = `An artifact may have ${String(limitBytes)} bytes here (${settings}); ${sent}.`;
  return new AppError('artifact_too_large', message, { details: { limitBytes } });
}
