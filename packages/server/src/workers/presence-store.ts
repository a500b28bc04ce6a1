import type { SeenWorker } from '@proofhouse/core';

/** Who asked for work lately. Written coarsely, many at a time. */
export interface PresenceStore {
  /** Writes or replaces each worker's row; of two servers the later sighting stays. */
  save(workers: readonly SeenWorker[]): Promise<void>;
  /** Seen at or after `since`, newest first by (lastSeenAt, workerId), at most `limit`, after the given place. */
  seenSince(since: number, limit: number, after?: { at: number; id: string }): Promise<SeenWorker[]>;
}
