/**
 * The only source of time. Tests hand in one whose hands they move, so nothing sleeps to make a
 * lease pass.
 */
export interface Clock {
  /** Epoch milliseconds, an integer. */
  now(): number;
  /** Runs `task` once, `ms` from now, unless cancelled. Never keeps the process alive by itself. */
  after(ms: number, task: () => void): Cancel;
}

export type Cancel = () => void;

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
