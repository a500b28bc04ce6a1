import { performance } from 'node:perf_hooks';

/** The only source of time. Tests use a clock that they advance, so that no test must wait for a lease to expire. */
export interface Clock {
  /**
   * Returns the wall-clock time in integer epoch milliseconds. The wall clock may be set at any moment, forward or
   * back. So this time may only be stored, shown, and compared with other such times.
   */
  now(): number;
  /**
   * Returns the milliseconds since an arbitrary moment of this process, with a fraction. This time never jumps and
   * never goes back. So it must be used for every duration, deadline, rate and cache expiry inside the process.
   */
  monotonic(): number;
  /** Runs `task` once after `ms` milliseconds, unless it is cancelled. The timer does not keep the process alive. */
  after(ms: number, task: () => void): Cancel;
}

export type Cancel = () => void;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
