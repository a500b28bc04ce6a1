import { setImmediate } from 'node:timers/promises';

export interface BatchOptions {
  /** Items of one batch, at most. */
  readonly batch: number;
  /** Batches of one call, at most; the next call does the rest. */
  readonly most: number;
  /** When true, the loop ends after the current batch. */
  readonly stopped: () => boolean;
}

/** Deletes or promotes at most `limit` items that are past their time; returns how many it found. */
export type BatchWork = (limit: number) => Promise<number>;

/**
 * The loop of every cleaner: batch after batch until one is not full, so that cleaning keeps up with writers, with an
 * iteration of the event loop between two. Returns the number of items.
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

/** Deletes rows that expire. */
export interface Cleaner {
  /** The name in log messages. */
  readonly name: string;
  /** Deletes at most `limit` of the rows that are past their time at `now` (epoch ms); returns how many. */
  clean(now: number, limit: number): Promise<number>;
}
