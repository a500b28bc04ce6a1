import type { Clock } from './clock.ts';

/** The time that a store decides by. On Postgres it is the database's, so that all servers decide by one clock. */
export interface StoreTime {
  /** Epoch milliseconds, an integer: the time of new records, and the start of new leases, delays and keys. */
  readonly now: number;
  /**
   * Leases that end at or before this moment have passed. Equal to `now`, except for a while after the clock was set
   * forward: leases from before the jump keep the time that they had left.
   */
  readonly leasesAt: number;
}

/** For tests: everything is decided at `now`. */
export function fixedTime(now: number): StoreTime {
  return { now, leasesAt: now };
}

/** The time that a test set, or the store's. */
export function timeAt(named: number | undefined, time: StoreTime): StoreTime {
  return named === undefined ? time : fixedTime(named);
}

/** A jump of a clock, in milliseconds; negative when it was set back. */
export type OnClockJump = (ms: number) => void;

/** Smaller differences are gradual corrections of NTP; they are followed and not reported. */
export const smallestJumpMs = 500;

/**
 * The clock that features use: its wall clock is the store's, so that records of several servers have one order; its
 * durations are this process's.
 */
export function storeClock(clock: Clock, store: { time(): StoreTime }): Clock {
  return {
    now: () => store.time().now,
    monotonic: () => clock.monotonic(),
    after: (ms, task) => clock.after(ms, task),
  };
}
