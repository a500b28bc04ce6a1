import type { Readable } from 'node:stream';

/**
 * The seam behind which bytes lie. A driver is dumb: it keeps whole, immutable blobs under keys
 * that its caller chose. Digests, caps and retries live once, in `Blobs`.
 *
 * Keys match `blobKeyPattern` (32 lower-case base32 characters of randomness); a driver refuses
 * any other with `invalid_request` before it touches storage. Two blobs never share a key.
 *
 * Errors: every driver throws `AppError` only: `unavailable` (try again; also before `open` and
 * after `close`), `storage_full` (ENOSPC, EDQUOT, quota), `integrity_failure`, `unsupported`,
 * `already_exists`, `not_found`, `range_not_satisfiable`. A message names the operation and never a
 * path or a bucket (only `open` names its place, for the operator); `details.errno` holds the
 * system's or the service's own code. Breaking the order of a writer's calls is `internal`.
 */
export interface BlobBackend {
  /** Short name for messages: `filesystem`, `memory`, `s3`, `gcs`. */
  readonly kind: string;
  readonly supports: BlobBackendPowers;

  /** Makes storage ready and checks that it can be written, else `unavailable`. Idempotent. */
  open(): Promise<void>;

  /**
   * Begins writing a blob aside. Nothing is visible under `key` before `commit` settles.
   * The writer must be ended by exactly one of `commit` and `abort`. A driver may put off touching
   * storage until bytes have gathered or `commit` is called, so that its errors may come then.
   */
  create(key: string): Promise<BlobWriter>;

  /**
   * Opens a blob for reading `range` (default all). Missing: `not_found`. A range that does not lie
   * wholly inside the blob: `range_not_satisfiable`. Anything planted at the
   * blob's place that is not the plain object a `commit` made (a link, a folder, a device) is
   * `integrity_failure`, and is never followed.
   */
  read(key: string, range?: ByteRange): Promise<BlobReading>;

  /**
   * What is at the key now, or undefined. Never follows a link; what is not a plain object is
   * `integrity_failure`.
   */
  stat(key: string): Promise<BlobStat | undefined>;

  /** Removes the blob; removing what is not there is no error. */
  delete(key: string): Promise<void>;

  /**
   * Every blob, in no order, for collection and verification. Streams; memory stays flat. Blobs
   * that come or go meanwhile may be listed or not. Foreign names are left out. What was planted at
   * a blob's place is listed with the fingerprint `irregular`, which no commit ever returns.
   *
   * `prefix` narrows it to keys that begin so, and the driver does not go through the others to find them, as far
   * as its storage allows: a caller may go slice by slice. Anything but 0 to 32 characters of a key is `invalid_request`.
   */
  list(options?: ListOptions): AsyncIterable<BlobListing>;

  /**
   * Removes what interrupted writes left aside and that is older than `olderThan` (epoch ms); a
   * write that is under way in any process is never disturbed if it is younger. Returns the leftovers
   * it removed, or, with `dryRun`, those it would remove.
   */
  sweepStaging(olderThan: number, options?: SweepOptions): Promise<Leftover[]>;

  /**
   * The marker of this storage: one short text that says whose blobs lie here, or undefined where none was written.
   * Never follows a link. Anything but a plain object with such a text is `integrity_failure`.
   */
  readMarker(): Promise<string | undefined>;

  /**
   * Writes the marker durably where there is none, atomically among all processes; with `replace` in the place of
   * whatever is there, a link itself included. Interrupted at any point, the marker is the old one or the new one, whole.
   * Returns the marker that holds afterwards. A text that does not match `markerPattern` is `invalid_request`.
   */
  writeMarker(text: string, options?: { replace?: boolean }): Promise<string>;

  /** The file that holds the blob, where there is one (`supports.localFiles`), for linking it elsewhere. */
  localPath(key: string): string | undefined;

  /** Releases handles. Writers that are still open fail `unavailable`. Idempotent. */
  close(): Promise<void>;
}

export interface BlobBackendPowers {
  /** Survives a crash of the machine once `commit` has settled. */
  readonly durable: boolean;
  /** Can hand out short-lived signed URLs. */
  readonly signedUrls: boolean;
  /** `localPath` names a real file. */
  readonly localFiles: boolean;
}

export interface BlobWriter {
  /**
   * Takes the next chunk; settles when the next may be given (back-pressure), which may be before
   * the bytes are stored: a failure may be told by a later call. The chunk is kept, not copied: its
   * bytes must not change until the writer has ended. One call at a time.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes the blob durable, then visible, without ever overwriting: a key that exists already is
   * `already_exists`. When it settles the bytes survive a crash (if `supports.durable`).
   */
  commit(): Promise<BlobStat>;
  /** Drops what was written. Never throws; safe after a failed `commit`. */
  abort(): Promise<void>;
}

/** First byte `start`, last byte `end`, both included, as in RFC 9110 ranges. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface BlobReading {
  readonly stat: BlobStat;
  /**
   * Exactly the bytes of the range: a buffer where the driver has them whole in memory anyway (small
   * blobs), else a stream, which may be a `LendingStream`. Destroying the stream releases every handle.
   */
  readonly body: Buffer | Readable;
}

/** A stream that can also lend its bytes, in few buffers that it uses again and again. */
export interface LendingStream extends Readable {
  /**
   * Hands all bytes in order to `take`, instead of being read, and ends. The bytes of a piece stay as they are until
   * the promise that `take` gave for it is fulfilled, and are overwritten after that; the next piece may come before.
   * A promise that never settles, as of a client that went away, costs a buffer and no more. `isSoon` tells whether a
   * promise settles within a moment: while a piece is not taken for longer, no second buffer is held for the next.
   *
   * Rejects with what a read or `take` threw, or when the stream is destroyed.
   */
  lend(take: (piece: Uint8Array) => Promise<void>, isSoon?: (taken: Promise<void>) => Promise<boolean>): Promise<void>;
}

export function isLendingStream(body: Buffer | Readable): body is LendingStream {
  return 'lend' in body && typeof body.lend === 'function';
}

export interface BlobStat {
  readonly sizeBytes: number;
  /** Opaque; differs whenever the object was replaced or rewritten (size, mtime, inode; ETag). */
  readonly fingerprint: string;
  /** Epoch ms by the storage's clock. */
  readonly createdAt: number;
}

export interface ListOptions {
  /** The first characters of the keys wanted; default all. */
  readonly prefix?: string | undefined;
  /**
   * Called for each place of blobs that is not what the driver made: a link, a file, a folder of another disk. What lies
   * there is not listed. `place` names it within the storage, such as `blobs/a`. Without it such a place fails the call
   * with `integrity_failure`.
   */
  readonly onPlanted?: ((place: string) => void) | undefined;
}

export interface SweepOptions extends Pick<ListOptions, 'onPlanted'> {
  /** Default false. */
  readonly dryRun?: boolean;
  /** Leftovers of one call at most; fewer mean that there are no more. Default: no limit. */
  readonly limit?: number;
}

/** The fingerprint under which `list` shows what is not a plain object. */
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

/** What a marker may be. */
export const markerPattern = /^[\x21-\x7e]{1,128}$/;

/** What keys may begin with. */
export const blobKeyPrefixPattern = /^[a-z2-7]{0,32}$/;
