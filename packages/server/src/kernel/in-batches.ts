import { setImmediate } from 'node:timers/promises';

export interface BatchOptions {
  /** Items of one batch at most. */
  readonly batch: number;
  /** Batches of one call at most: what is left then is left to the next call. */
  readonly most: number;
  /** True ends it after the batch under way. */
  readonly stopped: () => boolean;
}

/** Removes or moves on what is past its time: at most `limit` items; returns how many it found. */
export type BatchWork = (limit: number) => Promise<number>;

/**
 * The one loop of everything that cleans up: batch after batch until one is not full, so that a cleaner outruns its writers,
 * with a turn of the event loop between two. Returns how many items there were.
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

/** Rows that are of no use after some time. */
export interface Cleaner {
  /** For messages. */
  readonly name: string;
  /** Deletes at most `limit` of the rows that are past their time at `now` (epoch ms); returns how many. */
  clean(now: number, limit: number): Promise<number>;
}
