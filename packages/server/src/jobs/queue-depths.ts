import { mostJobsCounted, type QueueDepth } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { JobStore } from './job-store.ts';

/** Counts are cached for this time (ms), so that many callers cause one count. */
const keptMs = 2000;

/** Numbers of unfinished jobs by type and state. */
export class QueueDepths {
  readonly #store: Pick<JobStore, 'depths'>;
  readonly #clock: Clock;
  #latest: { readonly startedAt: number; readonly depth: Promise<QueueDepth> } | undefined;

  constructor(parts: { store: Pick<JobStore, 'depths'>; clock: Clock }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Returns counts whose counting began at most two seconds ago. A count that failed is not cached. */
  read(): Promise<QueueDepth> {
    const now = this.#clock.monotonic();
    if (this.#latest !== undefined && now - this.#latest.startedAt < keptMs) return this.#latest.depth;
    const depth = this.#count();
    const latest = { startedAt: now, depth };
    this.#latest = latest;
    depth.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return depth;
  }

  async #count(): Promise<QueueDepth> {
    const depths = await this.#store.depths(mostJobsCounted);
    return { items: depths.map((depth) => ({ ...depth, isAtLeast: depth.count >= mostJobsCounted })) };
  }
}
