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
  /** Opened and closed by its creator, not by `Blobs`. */
  readonly backend: BlobBackend;
  /** Returns a new key (32 characters of a-z2-7, 160 random bits) for every call. */
  readonly newKey: () => string;
  /** Largest size of one blob in bytes; `receive` can lower it for one call. Default: no limit. */
  readonly maxBytes?: number;
}

export interface ReceiveOptions {
  /** Largest accepted size in bytes; more throws `artifact_too_large`. */
  readonly maxBytes?: number;
  /**
   * Expected SHA-256 of the bytes, 64 lower-case hex digits. A difference throws `digest_mismatch`; a malformed value
   * throws `invalid_digest`.
   */
  readonly expectedSha256?: string;
  /** Observers beside the hash of the bytes. Default: none. */
  readonly observers?: readonly ChunkObserver[];
}

/** Reads the bytes of an upload while they are staged: hashing does, and scanners and parsers can. */
export interface ChunkObserver {
  /**
   * Called once for each chunk, in order, before the chunk is stored. The next chunk waits for a returned promise
   * (back-pressure). An observer must not change a chunk, and must bound the bytes that it keeps. A throw ends the upload
   * with that error.
   */
  observe(chunk: Uint8Array): void | Promise<void>;
}

/** The fields of a record that identify its blob and detect changes of it. */
export interface BlobRef {
  readonly key: string;
  readonly sizeBytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** Opaque; the fingerprint from the backend when these bytes were last verified. */
  readonly fingerprint: string;
}

/** The fields that verify bytes. */
export type BlobBytes = Omit<BlobRef, 'fingerprint'>;

export type StoredBlob = BlobRef;

export interface OpenedBlob {
  /** The requested bytes: a buffer for small blobs and ranges, else a stream, which must be consumed or destroyed. */
  readonly body: Buffer | Readable;
  /**
   * Differs from the fingerprint of the ref when the storage moved unchanged bytes. The caller must record it, or each
   * later read hashes them again.
   */
  readonly fingerprint: string;
}

/** Bytes that are staged: complete, hashed, not yet visible. Must be ended by exactly one of its two methods. */
export interface StagedBlob {
  readonly sizeBytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** Makes the bytes durable, then visible under their key. */
  commit(): Promise<StoredBlob>;
  /** Discards the bytes. Never throws; allowed after a failed `commit`. */
  discard(): Promise<void>;
}

/** Blobs up to this size are hashed at every read. */
export const alwaysHashedBytes = 256 * 1024;

const sha256Pattern = /^[0-9a-f]{64}$/;

/**
 * Immutable bytes with a digest: the API in front of a `BlobBackend`. Size limits and digests are enforced here, before
 * anything becomes visible, and changed bytes are never served as valid. Errors of the driver (`unavailable`,
 * `storage_full`, …) pass through; other errors are documented per method.
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
   * Stores the output of `source` under a new key. When it settles, the bytes are durable. On any failure nothing is
   * stored, and an error of the source is rethrown unchanged. A `Readable` source is not destroyed when the upload is
   * refused, so that an HTTP request can still be answered and drained. Chunks are kept until they are stored, so the
   * source must not reuse them.
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
   * The first half of `receive`: stages the bytes, hashed and limited in size. For callers that decide only later
   * whether to keep the bytes (a form may have its digest field at the end). Nothing is visible before `commit`.
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
   * Opens the bytes of a record, all or `range` (first and last byte, both included). Up to 256 KiB they are hashed
   * every time. Larger ones are served at once while the fingerprint equals the recorded one, and are completely hashed
   * first when it differs. Throws `integrity_failure` when bytes are missing, changed, or not a plain object, and
   * `range_not_satisfiable`.
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
   * Reads and hashes the whole blob, whatever its fingerprint. Returns its current fingerprint; throws
   * `integrity_failure` when it is missing or its bytes changed.
   */
  async verify(ref: BlobBytes): Promise<string> {
    const { stat, body } = await this.#read(ref);
    if ((await sha256Of(body)) !== ref.sha256) throw integrityFailure(ref, 'has other bytes than were stored');
    return stat.fingerprint;
  }

  /**
   * Checks that bytes can be stored and read: stores a small blob and removes it. Throws the error of the failed step.
   */
  async probe(): Promise<void> {
    const stored = await this.receive(Readable.from([Buffer.from('probe')]));
    await this.open(stored);
    await this.delete(stored.key);
  }

  /** Removes the blob; no-op when it is missing. Reads in progress are not affected. */
  delete(key: string): Promise<void> {
    return this.#backend.delete(key);
  }

  /**
   * Returns the stat of the object under a key, or undefined. Throws `integrity_failure` for anything that is not a
   * plain object.
   */
  stat(key: string): Promise<BlobStat | undefined> {
    return this.#backend.stat(key);
  }

  /** Yields every stored blob, or those whose keys begin with `prefix`, in no order; see `BlobBackend.list`. */
  list(options?: ListOptions): AsyncIterable<BlobListing> {
    return this.#backend.list(options);
  }

  /** Removes leftovers of interrupted uploads from before `olderThan` (epoch ms); see `BlobBackend.sweepStaging`. */
  sweepStaging(olderThan: number, options?: SweepOptions): Promise<Leftover[]> {
    return this.#backend.sweepStaging(olderThan, options);
  }

  /** Returns the marker that identifies the owner of the blobs, if any; see `BlobBackend.readMarker`. */
  readMarker(): Promise<string | undefined> {
    return this.#backend.readMarker();
  }

  /** See `BlobBackend.writeMarker`. */
  writeMarker(text: string, options?: { replace?: boolean }): Promise<string> {
    return this.#backend.writeMarker(text, options);
  }

  /** Returns the path of the file that holds the blob, where `supports.localFiles`, else undefined. */
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
        // Most observers are synchronous, and an await costs a turn of the event loop for each chunk.
        if (turn !== undefined) await turn;
      }
      await writer.write(chunk);
    }
    return { sizeBytes, sha256: digest.digest('hex') };
  }

  async #openSmall(ref: BlobRef, range: ByteRange | undefined): Promise<OpenedBlob> {
    // The whole blob as a range lets the backend choose a small read. No range is valid for an empty blob.
    const whole = ref.sizeBytes === 0 ? undefined : { start: 0, end: ref.sizeBytes - 1 };
    const { stat, body } = await this.#read(ref, whole);
    const bytes = Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray());
    const sha256 = hash('sha256', bytes, 'hex');
    if (sha256 !== ref.sha256) throw integrityFailure(ref, 'has other bytes than were stored');
    const wanted = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
    return { body: wanted, fingerprint: stat.fingerprint };
  }

  /** Opens the blob; throws when its size is wrong, without reading the bytes. */
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

/** `sent` describes the sent bytes and ends the sentence. */
export function artifactTooLarge(limitBytes: number, sent: string): AppError {
  const settings = 'PROOFHOUSE_MAX_ARTIFACT_BYTES, of jobs AGENT_JOB_ARTIFACT_MAX_BYTES';
  const message = `An artifact may have ${String(limitBytes)} bytes here (${settings}); ${sent}.`;
  return new AppError('artifact_too_large', message, { details: { limitBytes } });
}
