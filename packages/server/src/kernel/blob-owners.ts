/** `owned`: a record needs the bytes. `released`: the record no longer needs the bytes, so collection may remove them. */
export type BlobOwnerState = 'owned' | 'released';

/**
 * A blob whose key is stored in a record. `record-table.ts` lists the fields with blob keys for each kind of record.
 */
export interface RecordBlob {
  readonly key: string;
  /** The type under which the usage counters count the blob. For an artifact it is the artifact type. */
  readonly type: string;
  /** The hash of the bytes, in lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly state: BlobOwnerState;
}

/**
 * One row of the table `blob_owners`: a record and a blob of this record. The row is written in the commit of the
 * record, and is never deleted.
 */
export interface BlobOwner extends RecordBlob {
  /** Kind of the record that owns the blob. */
  readonly kind: string;
  /** Id of the record that owns the blob. */
  readonly id: string;
}

/** Number and total size of the owned blobs of one record kind and type. */
export interface UsageCount {
  readonly kind: string;
  readonly type: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/**
 * The owners of blobs, for every kind of record. Collection, verification, usage, quota and backup read only this
 * interface, and not the records of features. Every blob key that is or was in a record has a row here.
 */
export interface BlobOwners {
  /** Returns the state of each blob key. Keys without a row are left out. */
  statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnerState>>;

  /** Returns owned blobs in the order of their keys, beginning after `afterKey`. */
  listOwned(afterKey: string | undefined, limit: number): Promise<BlobOwner[]>;

  /**
   * Returns the usage of each record kind and type that has owned blobs, sorted by kind and type. Reads counters that
   * the commits of records update, so it does not scan records.
   */
  usage(): Promise<UsageCount[]>;

  /**
   * Counts all rows. Returns this count minus the usage counters, for each kind and type for which they differ. A
   * number is negative if the counter is too high. Reads every row, so a request must not call it.
   */
  usageDrift(): Promise<UsageCount[]>;

  /**
   * Adds the differences that `usageDrift` returns to the counters. Computes them in the same transaction. Reads every
   * row.
   */
  repairUsage(): Promise<void>;
}
