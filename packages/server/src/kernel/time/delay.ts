/**
 * Resolves after `ms` milliseconds. Unlike `Clock.after` the timer keeps the process alive, because the start of a
 * server may wait with it.
 */
export type Delay = (ms: number) => Promise<void>;

export const systemDelay: Delay = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
