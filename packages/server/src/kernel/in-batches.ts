import { setImmediate } from 'node:timers/promises';

export interface BatchOptions {
  /** Largest number of items of one batch. */
  readonly batch: number;
  /** Largest number of batches of one call. The next call continues where this one ended. */
  readonly most: number;
  /** Returns true if the loop must end after the current batch. */
  readonly stopped: () => boolean;
}

/** Processes at most `limit` items, for example deletes expired rows. Returns the number of processed items. */
export type BatchWork = (limit: number) => Promise<number>;

/**
 * Runs batches until one has fewer items than its limit, so that cleaning is as fast as the writers. Between two
 * batches, the event loop serves other requests. Returns the number of items of all batches. All deletions of expired
 * rows (`Cleaner`) use this loop.
 */
export async function inBatches({ batch, most, stopped }: BatchOptions, work: BatchWork): Promise<number> {
  let total = 0;
  for (let batches = 0; batches < most && !stopped(); batches++) {
    const found = await work(batch);
    total += found;
    if (found < batch) break;
    await setImmediate();
  }
  return total;
}

/** Deletes the expired rows of one kind. */
export interface Cleaner {
  /** The name of the cleaner in log messages. */
  readonly name: string;
  /** Deletes at most `limit` rows that have expired at `now` (epoch ms). Returns the number of deleted rows. */
  clean(now: number, limit: number): Promise<number>;
}
