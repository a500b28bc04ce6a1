import { performance } from 'node:perf_hooks';

/** The only source of time. Tests inject a clock that they advance, so no test sleeps until a lease ends. */
export interface Clock {
  /**
   * Wall clock, epoch milliseconds, an integer. It may step in either direction at any moment, so use it only for times
   * that are stored, shown, or compared with such times.
   */
  now(): number;
  /**
   * Milliseconds since an arbitrary moment of this process, with a fraction. Never steps and never goes back: use it for
   * every duration, deadline, rate and cache expiry inside the process.
   */
  monotonic(): number;
  /** Runs `task` once, `ms` from now, unless cancelled. Never keeps the process alive by itself. */
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
