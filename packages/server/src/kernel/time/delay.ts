/** Resolves after `ms` milliseconds. Unlike `Clock.after` it keeps the process alive, because a start may wait. */
export type Delay = (ms: number) => Promise<void>;

export const systemDelay: Delay = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
