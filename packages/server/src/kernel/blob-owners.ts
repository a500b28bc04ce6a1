/** `owned`: a record needs the bytes. `released`: its record gave them up, and collection may remove them. */
export type BlobOwnerState = 'owned' | 'released';

/** A blob that a record names. The row of its kind in the record table declares it. */
export interface RecordBlob {
  readonly key: string;
  /** The type under which usage counts the blob, such as the type of an artifact. */
  readonly type: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly state: BlobOwnerState;
}

/** One row of `blob_owners`, written in the commit of the record that it names. It is never deleted. */
export interface BlobOwner extends RecordBlob {
  /** Kind and id of the record. */
  readonly kind: string;
  readonly id: string;
}

/** Owned blobs of one kind and type. */
export interface UsageCount {
  readonly kind: string;
  readonly type: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/**
 * Ownership of blobs for every kind of record. Collection, verification, usage, quota and backup read it, and no
 * feature's records. A key without a row was never named by any record.
 */
export interface BlobOwners {
  /** The states of those of the keys that have a row. */
  statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, BlobOwnerState>>;

  /** Owned blobs in the order of their keys, `afterKey` exclusive. */
  listOwned(afterKey: string | undefined, limit: number): Promise<BlobOwner[]>;

  /**
   * Owned blobs by kind and type, in that order, without those that have none. Reads counters that change in the commits
   * of records, so it scans no records.
   */
  usage(): Promise<UsageCount[]>;

  /** What `usage` lacks of a count of all rows; negative where it has too much. Reads every row: not for requests. */
  usageDrift(): Promise<UsageCount[]>;

  /** Corrects the counters by the drift that is found at that moment. Reads every row. */
  repairUsage(): Promise<void>;
}
