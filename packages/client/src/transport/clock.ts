/** The client's only source of time; tests inject one that they advance. */
export interface Clock {
  /** Wall clock, epoch milliseconds. It may step in either direction, so it must not be used for deadlines. */
  now(): number;
  /** Milliseconds since an arbitrary moment. Never steps; does not count while the machine is suspended. */
  monotonic(): number;
  /** Runs `task` once, `ms` from now, unless cancelled. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, task) => {
    // Longer delays would overflow the timer and fire at once.
    const timer = setTimeout(task, Math.min(ms, 2_147_483_647));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`, or when the signal is aborted: check the signal afterwards. */
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
