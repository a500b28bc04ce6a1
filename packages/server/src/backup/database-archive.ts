/** A blob that a record in the database refers to. */
export interface NamedBlob {
  readonly key: string;
  /** The sha256 in the record, 64 lower-case hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Facts about the copy of a database in a backup. */
export interface CopyFacts {
  /** Name of the last migration. */
  readonly schema: string;
  /** Number of worker and registration tokens that are not revoked. */
  readonly validTokens: number;
}

/** The database part of backup and restore: copies a live database, and replaces it with a copy. */
export interface DatabaseArchive {
  /** Absolute path of the live database, which a server may have open. */
  readonly file: string;

  /**
   * Writes a consistent copy of the live database to the path `place`, where no file may exist. Then checks the copy
   * and syncs it to disk. If a crash left a damaged WAL, calls `onNotice` with a sentence about it. Errors: `not_found`
   * (no database), `unsupported` (another schema), `internal` (damaged), `unavailable`, `storage_full`.
   */
  copyTo(place: string, onNotice: (notice: string) => void): Promise<CopyFacts>;

  /** Returns the blob keys of `keys` that records of the live database still refer to. */
  stillNamed(keys: readonly string[]): Promise<ReadonlySet<string>>;

  /** Yields the blobs to which the records of a copied database refer, in the order of their keys. */
  namedBlobs(copy: string): Iterable<NamedBlob>;

  /**
   * Checks a copied database and returns its facts. Errors: `internal` (damaged, or not a database of Proofhouse),
   * `unsupported` (of a newer version).
   */
  inspectCopy(copy: string): CopyFacts;

  /** Locks the live database for a restore. Throws `unavailable` if a server has it open. */
  takeOver(): RestoreTarget;
}

/** The path of the live database, locked for a restore. No server can open the database before `release` is called. */
export interface RestoreTarget {
  /** Absolute paths of the existing database, WAL and WAL index files. An empty list if all of them are missing or empty. */
  readonly existing: readonly string[];

  /**
   * Moves the existing files to the folder `moveTo`. Then installs a copy of the database `copy`, with a new
   * generation, and syncs it to disk. If the call is interrupted, the old database is still there, or a server refuses
   * to start until the restore is run again.
   */
  install(copy: string, options: InstallOptions): void;
  release(): void;
}

export interface InstallOptions {
  /** Folder to which the existing files are moved. Required if `RestoreTarget.existing` is not empty. */
  readonly moveTo: string | undefined;
  /** Epoch ms at which all tokens, including the admin token, are revoked. Undefined to keep them valid. */
  readonly revokedAt: number | undefined;
  /** Current time, epoch ms. */
  readonly now: number;
}
