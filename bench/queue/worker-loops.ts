// Runs loops of workers: each worker claims, completes, and claims again. The jobs do nothing.
import { performance } from 'node:perf_hooks';
import { batchJobs, type DrainOrder, type FillOrder } from './queue-order.ts';
import type { MeasuredQueue } from './serve-orders.ts';

/** The calls to one queue. `worker` is the number of the worker, counted from 0. */
export interface QueueCalls<Held> {
  /**
   * Opens the connections of the workers. Called before each measurement. A worker may claim and complete at the same
   * time, so it may need more than one connection.
   */
  open?(workers: number): Promise<void>;
  close?(): void;
  add(worker: number): Promise<unknown>;
  /** Claims at most `most` jobs. If `most` is omitted, makes the call for a single job. */
  claim(worker: number, most?: number): Promise<readonly Held[]>;
  completeOne(worker: number, held: Held): Promise<unknown>;
  completeMany(worker: number, held: readonly Held[]): Promise<unknown>;
  stop(): Promise<void>;
}

/**
 * Time limit in ms for completing all jobs of a queue. It is needed because a queue that loses jobs would never be
 * empty.
 */
const drainWithinMs = 60_000;

export function queueOf<Held>(calls: QueueCalls<Held>): MeasuredQueue {
  const timed = async (workers: number, work: (worker: number) => Promise<void>): Promise<number> => {
    await calls.open?.(workers);
    try {
      const start = performance.now();
      await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
      return performance.now() - start;
    } finally {
      calls.close?.();
    }
  };
  return {
    fill: async ({ jobs, workers }: FillOrder) => {
      let begun = 0;
      const ms = await timed(workers, async (worker) => {
        while (begun++ < jobs) await calls.add(worker);
      });
      return { jobs, ms, claimMs: [] };
    },
    drain: async ({ jobs, workers, mode }: DrainOrder) => {
      const claimMs: number[] = [];
      const endBy = performance.now() + drainWithinMs;
      let taken = 0;
      const ms = await timed(workers, async (worker) => {
        let ending: Promise<unknown> = Promise.resolve();
        while (taken < jobs) {
          const start = performance.now();
          const held = await calls.claim(worker, mode === 'batches' ? batchJobs : undefined);
          const end = performance.now();
          if (end > endBy) throw new Error(`Only ${String(taken)} of ${String(jobs)} jobs could be claimed.`);
          const [first] = held;
          if (first === undefined) continue;
          claimMs.push(end - start);
          taken += held.length;
          await ending;
          ending = mode === 'batches' ? calls.completeMany(worker, held) : calls.completeOne(worker, first);
          if (mode !== 'overlapping') await ending;
        }
        await ending;
      });
      if (taken !== jobs) throw new Error(`${String(taken)} jobs were claimed of ${String(jobs)}.`);
      return { jobs, ms, claimMs };
    },
    stop: () => calls.stop(),
  };
}
