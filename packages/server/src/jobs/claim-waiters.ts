import { routeMatches, type ClaimScope, type JobRoute } from './job-route.ts';

/**
 * Claimers that found nothing and wait. An arrival wakes the longest-waiting one that may have it, so
 * that a thousand idle workers do not all rush for one job. A wake is only a hint to look again.
 */
export class ClaimWaiters {
  readonly #waiting = new Set<{ readonly scope: ClaimScope; readonly wake: () => void }>();
  readonly #looking = new Set<{ readonly scope: ClaimScope; missed: boolean }>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `wake` once, when a matching job may be ready. The answer forgets the waiter again. */
  add(scope: ClaimScope, wake: () => void): () => void {
    const waiter = { scope, wake };
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
    };
  }

  /**
   * Runs a look into the queue of a claimer that does not wait yet. `missed`: something that it may have arrived
   * meanwhile, which the look may have come too early to see.
   */
  async look<Found>(scope: ClaimScope, find: () => Promise<Found>): Promise<{ found: Found; missed: boolean }> {
    const look = { scope, missed: false };
    this.#looking.add(look);
    try {
      const found = await find();
      return { found, missed: look.missed };
    } finally {
      this.#looking.delete(look);
    }
  }

  /** Something arrived, nobody knows what. */
  wakeAll(): void {
    for (const look of this.#looking) look.missed = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.wake();
  }

  arrived(route: JobRoute): void {
    for (const look of this.#looking) look.missed ||= routeMatches(route, look.scope);
    for (const waiter of this.#waiting) {
      if (!routeMatches(route, waiter.scope)) continue;
      this.#waiting.delete(waiter);
      waiter.wake();
      return;
    }
  }
}
