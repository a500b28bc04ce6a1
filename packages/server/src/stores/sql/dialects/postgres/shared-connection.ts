import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../../../kernel/time/clock.ts';

/**
 * A new read uses the shared connection only if the connection answered within this time (ms). Otherwise the connection
 * may be dead or wait for a lock.
 */
const joinWithinMs = 250;
/**
 * No new read uses a connection that has been shared for this long (ms). The connection then returns to the pool, which
 * checks it.
 */
const useForMs = 10_000;

interface Shared {
  readonly client: Promise<PoolClient>;
  readonly openedAt: number;
  /** Monotonic time in ms of the last answer, or of the first read before any answer. */
  movedAt: number;
  users: number;
  failed: boolean;
}

/**
 * One connection of the pool that all concurrent reads share and pipeline. The database then serves these reads with
 * one backend process instead of waking one process for each read. The last user returns the connection to the pool.
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
      // The reads that already use the connection may finish. No further read uses it.
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
