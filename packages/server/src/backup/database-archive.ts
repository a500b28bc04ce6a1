/** A blob that a record names. */
export interface NamedBlob {
  readonly key: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Facts about a copy of a database. */
export interface CopyFacts {
  /** Name of the last migration. */
  readonly schema: string;
  /** Number of worker and registration tokens that are not revoked. */
  readonly validTokens: number;
}

/** The database side of backups: copies of a database that a server may have open. */
export interface DatabaseArchive {
  /** The absolute path of the live database. */
  readonly file: string;

  /**
   * Writes a consistent copy of the live database to `place`, which must not exist, then checks and syncs it. Calls `onNotice` with a
   * sentence about a damaged WAL that a crash left. Errors: `not_found` (no database), `unsupported` (another schema), `internal` (damaged),
   * `unavailable`, `storage_full`.
   */
  copyTo(place: string, onNotice: (notice: string) => void): Promise<CopyFacts>;

  /** Returns those of `keys` that the live database names now. */
  stillNamed(keys: readonly string[]): Promise<ReadonlySet<string>>;

  /** Yields the blobs that a copy names, in the order of their keys. */
  namedBlobs(copy: string): Iterable<NamedBlob>;

  /** Checks a copy and returns its facts. Errors: `internal` (damaged or not ours), `unsupported` (of a newer version). */
  inspectCopy(copy: string): CopyFacts;

  /** Locks the live database. Throws `unavailable` if a server has it open. */
  takeOver(): RestoreTarget;
}

/** The locked path of the live database. No server can open it before `release`. */
export interface RestoreTarget {
  /** Absolute paths of the existing files: database, WAL and index. Empty if all of them are missing or empty. */
  readonly existing: readonly string[];

  /**
   * Moves the existing files to the folder `moveTo`, then installs a copy of `copy`, synced and with a new generation. An
   * interruption leaves either the old database, or a state in which a server refuses to start until the restore is run
   * again. With `revokedAt` (epoch ms) every token and the admin token are revoked.
   */
  install(copy: string, options: InstallOptions): void;
  release(): void;
}

export interface InstallOptions {
  /** Required if files exist. */
  readonly moveTo: string | undefined;
  readonly revokedAt: number | undefined;
  /** Epoch ms. */
  readonly now: number;
}
