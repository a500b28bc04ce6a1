import { performance } from 'node:perf_hooks';

/** The only source of time. Tests inject a clock that they advance, so that no test sleeps until a lease expires. */
export interface Clock {
  /**
   * Returns the wall-clock time, integer epoch milliseconds. The wall clock may step in either direction at any moment.
   * So it may be used only for times that are stored or shown, and to compare such times.
   */
  now(): number;
  /**
   * Returns the milliseconds since an arbitrary moment of this process, with a fraction. This time never steps and never
   * goes back, so it must be used for every duration, deadline, rate and cache expiry inside the process.
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
