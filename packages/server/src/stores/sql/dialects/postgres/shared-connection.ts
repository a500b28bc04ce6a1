import type { Pool, PoolClient } from 'pg';

interface Shared {
  readonly client: Promise<PoolClient>;
  users: number;
  failed: boolean;
}

/**
 * A connection that is used by all who want it at the same time, pipelined: the database serves them by one process that stays
 * awake, instead of waking one for each. Whoever is last gives it back to the pool.
 */
export class SharedConnection {
  readonly #pool: Pool;
  #current: Shared | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** For actions that are short: those that come later wait behind them. */
  async use<Result>(action: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const shared = (this.#current ??= { client: this.#pool.connect(), users: 0, failed: false });
    shared.users += 1;
    try {
      return await action(await shared.client);
    } catch (error) {
      shared.failed = true;
      // Those that are at it may go on; nobody joins them.
      this.#forget(shared);
      throw error;
    } finally {
      shared.users -= 1;
      if (shared.users === 0) {
        this.#forget(shared);
        void shared.client.then(
          (client) => client.release(shared.failed),
          () => undefined,
        );
      }
    }
  }

  #forget(shared: Shared): void {
    if (this.#current === shared) this.#current = undefined;
  }
}
