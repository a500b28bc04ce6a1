import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';

/** No read joins a connection without an answer for this long: it may be dead, or wait for a lock. */
const joinWithinMs = 250;
/** No read joins a connection in use for this long, so that it returns to the pool, which checks it. */
const useForMs = 10_000;

interface Shared {
  readonly client: Promise<PoolClient>;
  readonly openedAt: number;
  /** When the last answer came, or the first read was sent. Monotonic, ms. */
  movedAt: number;
  users: number;
  failed: boolean;
}

/**
 * One pooled connection, shared and pipelined by all reads of the same moment: the database serves them with one backend
 * process, instead of waking one process a read. The last user returns it to the pool.
 */
export class SharedConnection {
  readonly #pool: Pool;
  readonly #clock: Clock;
  #current: Shared | undefined;

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Runs a short read; later reads on the connection wait for it. */
  async use<Result>(read: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const shared = this.#join();
    shared.users += 1;
    try {
      return await read(await shared.client);
    } catch (error) {
      shared.failed = true;
      // Reads under way may finish; no further read joins.
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
