import { routeMatches, type ClaimScope, type JobRoute } from './job-route.ts';

/**
 * The claims of this server that found no job and wait for one (long poll). A job that becomes ready wakes only the
 * longest-waiting claim whose scope allows the job, so that a thousand idle workers do not all query at once. A wake is
 * a hint: the woken claim must read the queue again.
 */
export class ClaimWaiters {
  readonly #waiting = new Set<{ readonly scope: ClaimScope; readonly wake: () => void }>();
  readonly #reading = new Set<{ readonly scope: ClaimScope; missed: boolean }>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `wake` once, when a job within `scope` may be ready. The returned function removes the waiter. */
  add(scope: ClaimScope, wake: () => void): () => void {
    const waiter = { scope, wake };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
    };
  }

  /**
   * Runs `find`, the query of a claim that is not in the list of waiters at that time. `missed` is true if a job within
   * `scope` became ready during the query, so that the query may not have seen that job.
   */
  async look<Found>(scope: ClaimScope, find: () => Promise<Found>): Promise<{ found: Found; missed: boolean }> {
    const read = { scope, missed: false };
    this.#reading.add(read);
    try {
      const found = await find();
      return { found, missed: read.missed };
    } finally {
      this.#reading.delete(read);
    }
  }

  /** Wakes all waiting claims, because any job may have become ready. */
  wakeAll(): void {
    for (const read of this.#reading) read.missed = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.wake();
  }

  /** Wakes the longest-waiting claim that may have a job of `route`. The job became ready just now. */
  arrived(route: JobRoute): void {
    for (const read of this.#reading) read.missed ||= routeMatches(route, read.scope);
    for (const waiter of this.#waiting) {
      if (!routeMatches(route, waiter.scope)) continue;
      this.#waiting.delete(waiter);
      waiter.wake();
      return;
    }
  }
}
