import type { Clock } from './clock.ts';

/** The current time of a store. On Postgres it is the database's time, so that all servers use one clock. */
export interface StoreTime {
  /** The time of new records, and the start of new leases, delays and idempotency keys. Integer epoch milliseconds. */
  readonly now: number;
  /**
   * Leases that end at or before this time have expired. It usually equals `now`. For some time after the clock was set
   * forward it is earlier than `now`, so that leases from before the jump keep their remaining time.
   */
  readonly leasesAt: number;
}

/** Returns the time of a store whose clock did not jump. Leases are then compared with `now` too. */
export function fixedTime(now: number): StoreTime {
  return { now, leasesAt: now };
}

/** Returns the time `named`, which a test has given, or the store's time if `named` is undefined. */
export function timeAt(named: number | undefined, time: StoreTime): StoreTime {
  return named === undefined ? time : fixedTime(named);
}

/** Called when a clock was set. `ms` is the size of the jump in milliseconds, negative if the clock was set back. */
export type OnClockJump = (ms: number) => void;

/**
 * Smallest difference in ms that counts as a jump. Smaller differences are gradual corrections by NTP and are not
 * reported.
 */
export const smallestJumpMs = 500;

/**
 * Returns the clock for features. Its wall clock is the store's time, so that records of several servers have one order.
 * Its monotonic clock and its timers are those of this process.
 */
export function storeClock(clock: Clock, store: { time(): StoreTime }): Clock {
  return {
    now: () => store.time().now,
    monotonic: () => clock.monotonic(),
    after: (ms, task) => clock.after(ms, task),
  };
}
