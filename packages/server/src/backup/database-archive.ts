/** A blob that a record names. */
export interface NamedBlob {
  readonly key: string;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What a copy of a database is. */
export interface CopyFacts {
  /** Its last migration. */
  readonly schema: string;
  /** Worker tokens and registration tokens that are not revoked. */
  readonly validTokens: number;
}

/** The database side of backups: copies of a database that a server may have open. */
export interface DatabaseArchive {
  /** The absolute path of the live database. */
  readonly file: string;

  /**
   * Writes a consistent copy of the live database to `place`, where nothing is, checked and synced. `onNotice` is given a
   * sentence about what a crash left. Errors: `not_found` (no database), `unsupported` (another schema), `internal` (damaged),
   * `unavailable`, `storage_full`.
   */
  copyTo(place: string, onNotice: (notice: string) => void): Promise<CopyFacts>;

  /** Those of `keys` that the live database names now. */
  stillNamed(keys: readonly string[]): Promise<ReadonlySet<string>>;

  /** The blobs that a copy names, in the order of their keys. */
  namedBlobs(copy: string): Iterable<NamedBlob>;

  /** Checks a copy and says what it is. Errors: `internal` (damaged or not ours), `unsupported` (of a newer version). */
  inspectCopy(copy: string): CopyFacts;

  /** Takes the lock of the live database. Errors: `unavailable` when a server has it. */
  takeOver(): RestoreTarget;
}

/** The place of the live database, which no server can open before `release`. */
export interface RestoreTarget {
  /** What lies there already: database, log and index, where they are not empty. Absolute paths. */
  readonly existing: readonly string[];

  /**
   * Puts a copy of `copy` in the place, synced and as a new generation, after everything that exists has been moved to the folder
   * `moveTo`. Interrupted at any point, it leaves the old database, or a place at which a server refuses to start until the
   * restore was run again. With `revokedAt` (epoch ms) every token and the admin token end.
   */
  install(copy: string, options: InstallOptions): void;
  release(): void;
}

export interface InstallOptions {
  /** Required where something exists. */
  readonly moveTo: string | undefined;
  readonly revokedAt: number | undefined;
  /** Epoch ms. */
  readonly now: number;
}
