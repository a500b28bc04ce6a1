import { backOffMs } from '@proofhouse/core';
import { systemDelay, type Delay } from '../../../../kernel/time/delay.ts';
import { codeOf } from './sqlite-errors.ts';

/**
 * The time (ms) for which calls are retried while another program holds a lock on the file. After this time they fail
 * with `unavailable`.
 */
export const busyWithinMs = 5000;

const growth = { firstMs: 1, maxMs: 100 };

/**
 * Returns true if another program holds a lock on the file (`SQLITE_BUSY`). This includes the lock that a program holds
 * while it recovers the WAL.
 */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY');
}

/**
 * The delays between retries of a call. Each delay is twice the previous one, up to 100 ms. `expired` is true once the
 * sum of the delays has reached `busyWithinMs`.
 */
export class BusyBackoff {
  #delays = 0;
  #waitedMs = 0;

  get expired(): boolean {
    return this.#waitedMs >= busyWithinMs;
  }

  /** Returns the next delay in ms and adds it to the sum. */
  next(): number {
    this.#delays += 1;
    const delayMs = backOffMs(this.#delays, growth);
    this.#waitedMs += delayMs;
    return delayMs;
  }
}

/**
 * Retries actions that fail with `SQLITE_BUSY`. SQLite's own busy timeout would sleep inside the call and block the
 * event loop. So connections on the event loop have a busy timeout of 0.
 */
export class BusyRetry {
  readonly delay: Delay;

  constructor(delay: Delay = systemDelay) {
    this.delay = delay;
  }

  /** Runs `action`, which must be repeatable. After `busyWithinMs`, throws the last `SQLITE_BUSY`. */
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
