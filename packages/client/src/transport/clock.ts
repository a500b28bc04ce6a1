/** The only source of time in the client. Tests inject a clock that they advance. */
export interface Clock {
  /**
   * Returns the wall clock in epoch milliseconds. It may be set at any moment, forward or back, so it must not be used
   * for deadlines.
   */
  now(): number;
  /**
   * Returns milliseconds since an arbitrary moment. Setting the wall clock does not change this time. It stands still
   * while the machine is suspended.
   */
  monotonic(): number;
  /** Runs `task` once after `ms` milliseconds. Returns a function that cancels the task. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, task) => {
    // A delay of more than 2^31 - 1 ms would overflow the timer, and the task would run at once.
    const timer = setTimeout(task, Math.min(ms, 2_147_483_647));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or when the signal aborts. The caller must check the signal afterwards. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
