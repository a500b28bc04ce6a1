import type { SeenWorker } from '@proofhouse/core';

/** Stores when each worker was last seen. Rows are written in batches, every few seconds. */
export interface PresenceStore {
  /** Inserts or replaces the row of each worker. A stored row with a later `lastSeenAt` (of another server) is kept. */
  save(workers: readonly SeenWorker[]): Promise<void>;
  /**
   * Returns at most `limit` workers that were seen at or after `since` (epoch milliseconds), newest first by
   * (lastSeenAt, workerId). The list begins after `after`, the position of a worker.
   */
  seenSince(since: number, limit: number, after?: { at: number; id: string }): Promise<SeenWorker[]>;
}
