import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';

/** A connection on which nothing was answered for so long is joined by nobody: it may have fallen silent, or wait for a lock. */
const joinWithinMs = 250;
/** Nor one that is in use for so long: it goes back to the pool, where what is wrong with it would show. */
const useForMs = 10_000;

interface Shared {
  readonly client: Promise<PoolClient>;
  readonly openedAt: number;
  /** When the last one was answered, or the first one asked. */
  movedAt: number;
  users: number;
  failed: boolean;
}

/**
 * A connection that is used by all who want it at the same time, pipelined: the database serves them by one process that stays
 * awake, instead of waking one for each. Whoever is last gives it back to the pool.
 */
export class SharedConnection {
  readonly #pool: Pool;
  readonly #clock: Clock;
  #current: Shared | undefined;

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** For reads that are short: those that come later wait behind them. */
  async use<Result>(read: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const shared = this.#join();
    shared.users += 1;
    try {
      return await read(await shared.client);
    } catch (error) {
      shared.failed = true;
      // Those that are at it may go on; nobody joins them.
      this.#leave(shared);
      throw error;
    } finally {
      shared.users -= 1;
      shared.movedAt = this.#clock.monotonic();
      if (shared.users === 0) this.#giveBack(shared);
    }
  }

  #join(): Shared {
    const now = this.#clock.monotonic();
    const current = this.#current;
    const fits = current !== undefined && now - current.movedAt <= joinWithinMs && now - current.openedAt <= useForMs;
    if (fits && !this.#pool.ending) return current;
    return (this.#current = { client: this.#pool.connect(), openedAt: now, movedAt: now, users: 0, failed: false });
  }

  #leave(shared: Shared): void {
    if (this.#current === shared) this.#current = undefined;
  }

  #giveBack(shared: Shared): void {
    this.#leave(shared);
    void shared.client.then(
      (client) => client.release(shared.failed),
      () => undefined,
    );
  }
}
