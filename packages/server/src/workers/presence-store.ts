import type { SeenWorker } from '@proofhouse/core';

/** Workers that claimed recently. Rows are written rarely, in batches. */
export interface PresenceStore {
  /** Inserts or replaces each worker's row. With several servers the latest sighting stays. */
  save(workers: readonly SeenWorker[]): Promise<void>;
  /**
   * Returns workers seen at or after `since`, newest first by (lastSeenAt, workerId), at most `limit`, after the given
   * position.
   */
  seenSince(since: number, limit: number, after?: { at: number; id: string }): Promise<SeenWorker[]>;
}
