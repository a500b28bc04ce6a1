import type { Clock } from './clock.ts';

/** The time by which a store decides. On Postgres it is the database's, so that all servers decide alike. */
export interface StoreTime {
  /** Epoch milliseconds, an integer: what is written, and what new leases, delays and keys are counted from. */
  readonly now: number;
  /**
   * Leases that end at or before this moment have passed. Equal to `now`, except for a while after the clock was set forward:
   * leases that were given before it are then given the time that they had left.
   */
  readonly leasesAt: number;
}

/** For tests: everything is decided at `now`. */
export function fixedTime(now: number): StoreTime {
  return { now, leasesAt: now };
}

/** The time that a test names, or the store's. */
export function timeAt(named: number | undefined, time: StoreTime): StoreTime {
  return named === undefined ? time : fixedTime(named);
}

/** A jump of a clock: the time that it skipped, in milliseconds; negative when it was set back. */
export type OnClockJump = (ms: number) => void;

/** Smaller differences are what NTP corrects as it goes; they are followed and not reported. */
export const smallestJumpMs = 500;

/**
 * The clock that features read: wall-clock times are the store's, so that records of several servers are in one order; durations
 * are this process's.
 */
export function storeClock(clock: Clock, store: { time(): StoreTime }): Clock {
  return {
    now: () => store.time().now,
    monotonic: () => clock.monotonic(),
    after: (ms, task) => clock.after(ms, task),
  };
}
