import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';

/**
 * A new read uses the shared connection only if the connection answered within this time (ms). Otherwise the connection
 * may be dead, or its current read may wait for a lock.
 */
const joinWithinMs = 250;
/**
 * After this time (ms), no new read uses the shared connection. The connection returns to the pool, which checks it.
 */
const useForMs = 10_000;

interface Shared {
  readonly client: Promise<PoolClient>;
  readonly openedAt: number;
  /**
   * Monotonic time in ms of the last answer on the connection. Before the first answer, the time at which it was
   * opened.
   */
  movedAt: number;
  users: number;
  failed: boolean;
}

/**
 * A connection of the pool that all concurrent reads share. Reads are sent without waiting for the answers of earlier
 * ones. One backend process of the database then serves all reads, so the database need not wake a process for each.
 * The last user returns the connection to the pool.
 */
export class SharedConnection {
  readonly #pool: Pool;
  readonly #clock: Clock;
  #current: Shared | undefined;

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Runs a short read on the shared connection. Later reads on that connection wait for it. */
  async use<Result>(read: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const shared = this.#join();
    shared.users += 1;
    try {
      return await read(await shared.client);
    } catch (error) {
      shared.failed = true;
      // Reads that already use the connection may finish, but no further read uses it.
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
