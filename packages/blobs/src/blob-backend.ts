import type { Readable } from 'node:stream';

/**
 * The seam for the storage of bytes. A driver stores whole, immutable blobs under keys that its caller chose. Digests,
 * size limits and retries are implemented once, in `Blobs`. Keys match `blobKeyPattern` (32 random lower-case base32
 * characters); a driver refuses any other key with `invalid_request` before it touches storage. No two blobs have the
 * same key.
 *
 * Errors: drivers throw only `AppError`: `unavailable` (retry; also before `open` and after `close`), `storage_full`
 * (ENOSPC, EDQUOT, quota), `integrity_failure`, `unsupported`, `already_exists`, `not_found`, `range_not_satisfiable`.
 * A message names the operation and never a path or a bucket (only `open` names its place, for the operator);
 * `details.errno` has the code of the system or the service. A wrong order of a writer's calls throws `internal`.
 */
export interface BlobBackend {
  /** Short name for messages: `filesystem`, `memory`, `s3`, `gcs`. */
  readonly kind: string;
  readonly supports: BlobBackendPowers;

  /** Prepares the storage and checks that it is writable; throws `unavailable` if not. Idempotent. */
  open(): Promise<void>;

  /**
   * Begins to write a blob to a temporary place. Nothing is visible under `key` before `commit` settles. The writer
   * must be ended by exactly one of `commit` and `abort`. A driver may delay access to storage until it has a batch of
   * bytes or `commit` is called, and its errors may come then.
   */
  create(key: string): Promise<BlobWriter>;

  /**
   * Opens a blob for reading `range` (default: all). Throws `not_found` when it is missing, and `range_not_satisfiable`
   * when the range is not completely inside the blob. Throws `integrity_failure` when the place holds anything except
   * the plain object that a `commit` created (a link, a folder, a device); these are never followed.
   */
  read(key: string, range?: ByteRange): Promise<BlobReading>;

  /**
   * Returns the stat of the object at the key, or undefined. Never follows a link. Throws `integrity_failure` for
   * anything that is not a plain object.
   */
  stat(key: string): Promise<BlobStat | undefined>;

  /** Removes the blob. No-op when it is missing. */
  delete(key: string): Promise<void>;

  /**
   * Yields every blob, in no order, for collection and verification. It streams with constant memory. Blobs that are
   * added or removed meanwhile may be yielded or not. Foreign names are skipped. An entry at a blob's place that is not
   * a plain object is yielded with the fingerprint `irregular`, which no commit returns. With `prefix`, only keys that
   * begin with it are yielded, and the driver does not read the others as far as its storage allows: callers may list
   * in slices. A prefix that is not 0 to 32 key characters throws `invalid_request`.
   */
  list(options?: ListOptions): AsyncIterable<BlobListing>;

  /**
   * Removes leftovers of interrupted writes that are older than `olderThan` (epoch ms). A younger write in progress, in
   * any process, is never disturbed. Returns the removed leftovers, or with `dryRun` those it would remove.
   */
  sweepStaging(olderThan: number, options?: SweepOptions): Promise<Leftover[]>;

  /**
   * Returns the marker of this storage: a short text that identifies the store that the blobs belong to. Returns
   * undefined when none was written. Never follows a link. Throws `integrity_failure` for anything but a plain object
   * with such a text.
   */
  readMarker(): Promise<string | undefined>;

  /**
   * Writes the marker durably if there is none, atomically among all processes. With `replace` it replaces any existing
   * entry; a link itself is replaced, not its target. After an interruption at any point, the marker is either the old
   * one or the complete new one. Returns the marker that is in place afterwards. A text that does not match
   * `markerPattern` throws `invalid_request`.
   */
  writeMarker(text: string, options?: { replace?: boolean }): Promise<string>;

  /**
   * Returns the path of the file that holds the blob, for linking it elsewhere; undefined without
   * `supports.localFiles`.
   */
  localPath(key: string): string | undefined;

  /** Releases handles. Open writers fail with `unavailable`. Idempotent. */
  close(): Promise<void>;
}

export interface BlobBackendPowers {
  /** True if a blob survives a crash of the machine after `commit` has settled. */
  readonly durable: boolean;
  /** True if the driver can return short-lived signed URLs. */
  readonly signedUrls: boolean;
  /** True if `localPath` returns the path of a real file. */
  readonly localFiles: boolean;
}

export interface BlobWriter {
  /**
   * Accepts the next chunk. Settles when the next chunk may be passed (back-pressure). That can be before the bytes are
   * stored: a later call may throw the error. The chunk is kept, not copied, so its bytes must not change until the
   * writer has ended. Calls must not overlap.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the blob durable, then visible, and never overwrites: an existing key throws `already_exists`. When it
   * settles, the bytes survive a crash (if `supports.durable`).
   */
  commit(): Promise<BlobStat>;
  /** Discards what was written. Never throws; allowed after a failed `commit`. */
  abort(): Promise<void>;
}

/** A range of bytes: first `start`, last `end`, both included, as in RFC 9110. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobReading {
  readonly stat: BlobStat;
  /**
   * Exactly the bytes of the range: a buffer if the driver has them in memory (small blobs), else a stream, which may
   * be a `LendingStream`. Destroying the stream releases every handle.
   */
  readonly body: Buffer | Readable;
}

/** A stream that can also lend its bytes in a few reused buffers. */
export interface LendingStream extends Readable {
  /**
   * Passes all bytes in order to `take`, instead of being read, and ends. A piece stays unchanged until the promise
   * that `take` returned for it is fulfilled, and is overwritten afterwards; the next piece may come before. A promise
   * that never settles (a client that went away) costs one buffer. `isSoon` returns true if a promise settles within a
   * moment; while a piece takes longer, no second buffer is filled. Rejects with the error of a read or of `take`, or
   * when the stream is destroyed.
   */
  lend(take: (piece: Uint8Array) => Promise<void>, isSoon?: (taken: Promise<void>) => Promise<boolean>): Promise<void>;
}

export function isLendingStream(body: Buffer | Readable): body is LendingStream {
  return 'lend' in body && typeof body.lend === 'function';
}

export interface BlobStat {
  readonly sizeBytes: number;
  /** Opaque. Differs after the object was replaced or rewritten (size, mtime, inode; ETag). */
  readonly fingerprint: string;
  /** Epoch ms by the clock of the storage. */
  readonly createdAt: number;
}

export interface ListOptions {
  /** First characters of the wanted keys. Default: all keys. */
  readonly prefix?: string | undefined;
  /**
   * Called for each place of blobs that the driver did not create: a link, a file, a folder of another disk. Entries
   * there are not listed. `place` is relative to the storage, such as `blobs/a`. Without this callback such a place
   * makes the call fail with `integrity_failure`.
   */
  readonly onPlanted?: ((place: string) => void) | undefined;
}

export interface SweepOptions extends Pick<ListOptions, 'onPlanted'> {
  /** Default false. */
  readonly dryRun?: boolean;
  /** Largest number of leftovers of one call; fewer mean that there are no more. Default: no limit. */
  readonly limit?: number;
}

/** The fingerprint that `list` yields for an entry that is not a plain object. */
export const irregularFingerprint = 'irregular';

export interface BlobListing extends BlobStat {
  readonly key: string;
}

export interface Leftover {
  readonly name: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
}

/** 32 characters of RFC 4648 base32 in lower case: 160 random bits. */
export const blobKeyPattern = /^[a-z2-7]{32}$/;

/** The allowed marker texts. */
export const markerPattern = /^[\x21-\x7e]{1,128}$/;

/** The allowed prefixes of keys. */
export const blobKeyPrefixPattern = /^[a-z2-7]{0,32}$/;
