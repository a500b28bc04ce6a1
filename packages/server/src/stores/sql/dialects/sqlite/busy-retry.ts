import { backOffMs } from '@proofhouse/core';
import { systemDelay, type Delay } from '../../../../kernel/time/delay.ts';
import { codeOf } from './sqlite-errors.ts';

/** How long another program may hold a lock on the file before calls fail with `unavailable`. */
export const busyWithinMs = 5000;

const growth = { firstMs: 1, maxMs: 100 };

/** Another program holds a lock on the file (`SQLITE_BUSY`, also while it recovers the log). */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}

/** The delays between attempts: they double up to 100 ms, and end when their sum has reached `busyWithinMs`. */
export class BusyBackoff {
  #delays = 0;
  #waitedMs = 0;

  get expired(): boolean {
    return this.#waitedMs >= busyWithinMs;
  }

  /** The next delay, counted as waited. */
  next(): number {
    this.#delays += 1;
    const delayMs = backOffMs(this.#delays, growth);
    this.#waitedMs += delayMs;
    return delayMs;
  }
}

/**
 * Runs an action that the database may refuse as busy, again after each delay. SQLite's own busy timeout sleeps inside
 * the call and so stops the event loop; connections are opened with a timeout of 0 instead.
 */
export class BusyRetry {
  readonly delay: Delay;

  constructor(delay: Delay = systemDelay) {
    this.delay = delay;
  }

  /** The action must be repeatable. Throws the last `SQLITE_BUSY` when the deadline has passed. */
  run<Result>(action: () => Result): Result | Promise<Result> {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error)) throw error;
      return this.#again(action);
    }
  }

  async #again<Result>(action: () => Result): Promise<Result> {
    const backoff = new BusyBackoff();
    for (;;) {
      await this.delay(backoff.next());
      try {
        return action();
      } catch (error) {
        if (!isBusy(error) || backoff.expired) throw error;
      }
    }
  }
}
