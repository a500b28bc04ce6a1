import { routeMatches, type ClaimScope, type JobRoute } from './job-route.ts';

/**
 * The claims of this server that found no job and wait for one (long poll). When a job becomes claimable, only one
 * claim is woken. It is the one that has waited longest among the claims whose scope includes the job. So a thousand
 * idle workers do not all query at the same time. A wake is only a hint, so the woken claim must read the queue again.
 */
export class ClaimWaiters {
  readonly #waiting = new Set<{ readonly scope: ClaimScope; readonly wake: () => void }>();
  readonly #reading = new Set<{ readonly scope: ClaimScope; missed: boolean }>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Adds a waiting claim. Calls `wake` at most once, when a job within `scope` may be claimable. The returned function
   * removes the claim from the waiters.
   */
  add(scope: ClaimScope, wake: () => void): () => void {
    const waiter = { scope, wake };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
    };
  }

  /**
   * Runs `find`, the query of a claim. While `find` runs, the claim is not a waiter, so no job can wake it. `missed` is
   * true if a job within `scope` became claimable during this time. `find` may not have seen that job.
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

  /** Wakes all waiting claims, because any job may have become claimable. */
  wakeAll(): void {
    for (const read of this.#reading) read.missed = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.wake();
  }

  /**
   * Must be called when a job of this route has become claimable. Wakes one claim: of those whose scope includes the
   * route, the one that has waited longest.
   */
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
