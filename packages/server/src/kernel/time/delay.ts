/** Settles `ms` milliseconds from now. Unlike `Clock.after` it keeps the process alive: a start may wait. */
export type Delay = (ms: number) => Promise<void>;

export const systemDelay: Delay = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
