import { backOffMs } from '@proofhouse/core';
import { systemDelay, type Delay } from '../../../../kernel/time/delay.ts';
import { codeOf } from './sqlite-errors.ts';

/** How long another program may hold a lock on the file before calls fail with `unavailable`. */
export const busyWithinMs = 5000;

const growth = { firstMs: 1, maxMs: 100 };

/** True if another program holds a lock on the file (`SQLITE_BUSY`, also while it recovers the WAL). */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}

/** Delays between attempts. They double up to 100 ms; `expired` is true once their sum has reached `busyWithinMs`. */
export class BusyBackoff {
  #delays = 0;
  #waitedMs = 0;

  get expired(): boolean {
    return this.#waitedMs >= busyWithinMs;
  }

  /** Returns the next delay and adds it to the sum. */
  next(): number {
    this.#delays += 1;
    const delayMs = backOffMs(this.#delays, growth);
    this.#waitedMs += delayMs;
    return delayMs;
  }
}

/**
 * Retries actions that fail with `SQLITE_BUSY`. SQLite's own busy timeout sleeps inside the call and would block the event
 * loop, so connections on the event loop have a timeout of 0.
 */
export class BusyRetry {
  readonly delay: Delay;

  constructor(delay: Delay = systemDelay) {
    this.delay = delay;
  }

  /** The action must be repeatable. Throws the last `SQLITE_BUSY` after `busyWithinMs`. */
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
