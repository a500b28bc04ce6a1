import type { Clock } from '../transport/clock.ts';

/**
 * A clock that only the test changes. `advance` and `leap` change the wall clock and the monotonic clock. `step`
 * changes only the wall clock.
 */
export class HandClock implements Clock {
  #monotonic = 0;
  /** Difference in milliseconds: wall clock minus monotonic clock. */
  #offset = Date.UTC(2026, 0, 1);
  #tasks: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#offset + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, task: () => void): () => void {
    const entry = { at: this.#monotonic + ms, run: task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** Milliseconds until the next timer is due. Undefined if there is no timer. */
  get nextDueMs(): number | undefined {
    const dues = this.#tasks.map((task) => task.at - this.#monotonic);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** Adds `ms` to both clocks in one step, as when a suspended process continues. Due timers run afterwards. */
  leap(ms: number): void {
    this.#monotonic += ms;
    this.advance(0);
  }

  /** Adds `ms` to the wall clock only, as when an operator sets the time, or after the machine was suspended. */
  step(ms: number): void {
    this.#offset += ms;
  }

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
}
