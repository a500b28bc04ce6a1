import type { Readable } from 'node:stream';

/**
 * The interface of blob storage. Each implementation (driver) stores whole, immutable blobs under keys that the caller
 * chose. Digests and size limits are implemented once for all drivers, in `Blobs`. A blob key matches `blobKeyPattern`
 * (32 random lower-case base32 characters). A driver refuses any other key with `invalid_request` before it accesses
 * storage. No two blobs have the same key.
 *
 * Drivers throw only `AppError`, with one of these codes: `unavailable`, `storage_full` (ENOSPC, EDQUOT, quota),
 * `integrity_failure`, `unsupported`, `already_exists`, `not_found`, `range_not_satisfiable`. After `unavailable`, a
 * retry may succeed. Every method also throws `unavailable` before `open` and after `close`. Calling the methods of a
 * writer in a wrong order throws `internal`. An error message names the operation, but no path and no bucket. Only the
 * messages of `open` name the place of the storage, for the operator. `details.errno` is the error code of the
 * operating system or the storage service.
 */
export interface BlobBackend {
  /** Short name for messages: `filesystem`, `memory`, `s3`, `gcs`. */
  readonly kind: string;
  readonly supports: BlobBackendPowers;

  /** Prepares the storage and checks that it is writable. Throws `unavailable` if it is not. Idempotent. */
  open(): Promise<void>;

  /**
   * Begins to write a blob to a temporary place. Nothing is visible under `key` before `commit` has succeeded. The
   * caller must end the writer by exactly one call of `commit` or `abort`. A driver may access storage only when it has
   * a batch of bytes, or when `commit` is called. So a storage error may be thrown by a later call.
   */
  create(key: string): Promise<BlobWriter>;

  /**
   * Opens a blob for reading the bytes of `range` (default: all bytes). Throws `not_found` if there is no blob with
   * this key, and `range_not_satisfiable` if the range is not completely inside the blob. Throws `integrity_failure` if
   * the entry in the place of the blob is a link, a folder or a device, and not a plain object as `commit` creates it.
   * Links are never followed.
   */
  read(key: string, range?: ByteRange): Promise<BlobReading>;

  /**
   * Returns the stat of the blob with this key, or undefined if there is none. Never follows a link. Throws
   * `integrity_failure` if the entry in the place of the blob is not a plain object.
   */
  stat(key: string): Promise<BlobStat | undefined>;

  /** Removes the blob. A no-op if there is no blob with this key. */
  delete(key: string): Promise<void>;

  /**
   * Yields every blob, in no particular order, for collection and verification. Uses constant memory. A blob that is
   * added or removed meanwhile may be yielded or not. Entries whose names are not blob keys are skipped. An entry in
   * the place of a blob that is not a plain object is yielded with the fingerprint `irregular`, which no commit
   * returns.
   *
   * With `prefix`, yields only blobs whose keys begin with it, so that a caller can list the blobs in several parts.
   * The driver avoids reading the other blobs, as far as its storage allows. Throws `invalid_request` for a prefix that
   * is not 0 to 32 key characters.
   */
  list(options?: ListOptions): AsyncIterable<BlobListing>;

  /**
   * Removes files that interrupted writes left, if they were last written before `olderThan` (epoch ms). A write in
   * progress, in any process, is not disturbed if it wrote bytes after that time. Returns the removed leftovers. With
   * `dryRun`, removes nothing and returns the leftovers that it would remove.
   */
  sweepStaging(olderThan: number, options?: SweepOptions): Promise<Leftover[]>;

  /**
   * Returns the marker of this storage: a short text that says to which store the blobs belong. Returns undefined if no
   * marker was written. Never follows a link. Throws `integrity_failure` if the marker is not a plain object, or if its
   * text does not match `markerPattern`.
   */
  readMarker(): Promise<string | undefined>;

  /**
   * Writes the marker durably if there is none. If several processes call this at the same time, only one marker is
   * written. With `replace`, any existing entry is replaced. If that entry is a link, the link itself is replaced, not
   * its target. After an interruption at any point, the stored marker is either the old one or the complete new one.
   * Returns the marker that is stored afterwards. Throws `invalid_request` for a text that does not match
   * `markerPattern`.
   */
  writeMarker(text: string, options?: { replace?: boolean }): Promise<string>;

  /**
   * Returns the path of the file that contains the blob, so that the caller can link it to another place. Returns
   * undefined if the backend does not have `supports.localFiles`.
   */
  localPath(key: string): string | undefined;

  /** Closes the storage and releases its file handles. Open writers then fail with `unavailable`. Idempotent. */
  close(): Promise<void>;
}

/** The capabilities of a blob backend. */
export interface BlobBackendPowers {
  /** True if a blob survives a crash of the machine after `commit` has settled. */
  readonly durable: boolean;
  /** True if the driver can return signed URLs that are valid for a short time. */
  readonly signedUrls: boolean;
  /** True if `localPath` returns the path of a real file. */
  readonly localFiles: boolean;
}

export interface BlobWriter {
  /**
   * Accepts the next chunk of the blob. When the promise has settled, the next chunk may be passed (back-pressure). The
   * chunk may not be stored yet, so a later call may throw its error. The chunk is kept and not copied, so its bytes
   * must not change until the writer has ended. Calls must not overlap.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the blob durable, then visible. Never overwrites a blob: throws `already_exists` if the key exists. After the
   * promise has fulfilled, the bytes survive a crash (if `supports.durable`).
   */
  commit(): Promise<BlobStat>;
  /** Discards the written bytes. Never throws. May be called after a failed `commit`. */
  abort(): Promise<void>;
}

/** A range of bytes. Both the byte at `start` and the byte at `end` belong to it, as in RFC 9110. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobReading {
  readonly stat: BlobStat;
  /**
   * Exactly the bytes of the requested range. It is a buffer if the driver has them in memory (small blobs), else a
   * stream, which may be a `LendingStream`. The stream releases its file handle when it ends or is destroyed.
   */
  readonly body: Buffer | Readable;
}

/**
 * A stream that can also pass its bytes to a callback in a few buffers that it reuses. This saves memory allocations.
 */
export interface LendingStream extends Readable {
  /**
   * Passes all bytes to `take`, piece by piece and in order, and then ends the stream. Used instead of reading the
   * stream. The bytes of a piece stay unchanged until the promise that `take` returned for it has fulfilled. Then they
   * are overwritten. `take` may be called for the next piece before that. If the promise never settles, for example
   * because a client disconnected, one buffer is lost.
   *
   * `isSoon` gets the promise of `take`. It must resolve to true if that promise settles within a short time. If it
   * resolves to false, the stream keeps no second buffer until the promise of `take` has settled. The promise that
   * `lend` returns rejects with the error of a read or of `take`, or if the stream is destroyed.
   */
  lend(take: (piece: Uint8Array) => Promise<void>, isSoon?: (taken: Promise<void>) => Promise<boolean>): Promise<void>;
}

export function isLendingStream(body: Buffer | Readable): body is LendingStream {
  return 'lend' in body && typeof body.lend === 'function';
}

export interface BlobStat {
  readonly sizeBytes: number;
  /**
   * A text that changes when the stored object is replaced or rewritten. It is made of size, mtime and inode, or of an
   * ETag. Callers must not parse it.
   */
  readonly fingerprint: string;
  /** Time at which the blob was written, epoch ms by the clock of the storage. */
  readonly createdAt: number;
}

export interface ListOptions {
  /** Only blobs whose keys begin with this prefix are listed. Default: all blobs. */
  readonly prefix?: string | undefined;
  /**
   * Called if an entry is in the place of a folder of blobs and the driver did not create it: a link, a file, or a
   * folder on another disk. The blobs inside are not listed. `place` is relative to the root of the storage, such as
   * `blobs/a`. Without this callback, such an entry makes the call fail with `integrity_failure`.
   */
  readonly onPlanted?: ((place: string) => void) | undefined;
}

export interface SweepOptions extends Pick<ListOptions, 'onPlanted'> {
  /** True to return the leftovers without removing them. Default false. */
  readonly dryRun?: boolean;
  /**
   * Largest number of leftovers that one call returns. If a call returns fewer, there are no more. Default: no limit.
   */
  readonly limit?: number;
}

/** The fingerprint that `list` yields for an entry in the place of a blob that is not a plain object. */
export const irregularFingerprint = 'irregular';

export interface BlobListing extends BlobStat {
  readonly key: string;
}

/** A file that an interrupted write left in the storage. */
export interface Leftover {
  readonly name: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
}

/** The form of blob keys: 32 characters of RFC 4648 base32 in lower case, which are 160 random bits. */
export const blobKeyPattern = /^[a-z2-7]{32}$/;

/** The form of marker texts: 1 to 128 printable ASCII characters without spaces. */
export const markerPattern = /^[\x21-\x7e]{1,128}$/;

/** The form of prefixes of blob keys. */
export const blobKeyPrefixPattern = /^[a-z2-7]{0,32}$/;
