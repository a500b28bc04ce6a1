import type { SeenWorker } from '@proofhouse/core';

/** The store of recently seen workers. Its rows are written in batches, once in several seconds. */
export interface PresenceStore {
  /** Inserts or replaces the row of each worker. A stored row with a later `lastSeenAt` (of another server) is kept. */
  save(workers: readonly SeenWorker[]): Promise<void>;
  /**
   * Returns at most `limit` workers that were seen at or after `since` (epoch milliseconds), newest first by (lastSeenAt,
   * workerId). The list begins after the position `after`.
   */
  seenSince(since: number, limit: number, after?: { at: number; id: string }): Promise<SeenWorker[]>;
}
