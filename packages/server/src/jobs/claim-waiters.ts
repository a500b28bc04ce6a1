import { routeMatches, type ClaimScope, type JobRoute } from './job-route.ts';

/**
 * Claims that found nothing and wait. An arrival wakes the longest-waiting claim that may have the job, so that a thousand
 * idle workers do not all claim at once. A wake is only a hint to read the queue again.
 */
export class ClaimWaiters {
  readonly #waiting = new Set<{ readonly scope: ClaimScope; readonly wake: () => void }>();
  readonly #reading = new Set<{ readonly scope: ClaimScope; missed: boolean }>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `wake` once, when a matching job may be ready. The returned function removes the waiter. */
  add(scope: ClaimScope, wake: () => void): () => void {
    const waiter = { scope, wake };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
    };
  }

  /**
   * Runs `find`, a read of the queue by a claim that does not wait yet. `missed`: a matching job arrived during the read, and
   * the read may not have seen it.
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

  /** Any job may have arrived. */
  wakeAll(): void {
    for (const read of this.#reading) read.missed = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.wake();
  }

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
