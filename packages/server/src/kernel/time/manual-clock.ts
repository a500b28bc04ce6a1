import type { Cancel, Clock } from './clock.ts';

/**
 * A clock that only the test changes. `advance` changes the wall clock and the monotonic clock, `step` only the wall
 * clock. Due tasks run in the order of their times on the monotonic clock.
 */
export class ManualClock implements Clock {
  #monotonic = 0;
  /** Wall clock minus monotonic clock, ms. */
  #offset: number;
  #tasks: { at: number; run: () => void }[] = [];

  constructor(start: number = Date.UTC(2026, 0, 1)) {
    this.#offset = start;
  }

  now(): number {
    return Math.floor(this.#offset + this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, task: () => void): Cancel {
    const entry = { at: this.#monotonic + ms, run: task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Advances both clocks by `ms`, and runs the tasks that become due. */
  advance(ms: number): void {
    const until = this.#monotonic + ms;
    for (;;) {
      const next = this.#tasks.filter((task) => task.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.run();
    }
    this.#monotonic = until;
  }

  /** Sets the wall clock forward by `ms` (back if `ms` is negative). The monotonic clock does not change. */
  step(ms: number): void {
    this.#offset += ms;
  }
}
