import type { Clock } from '../transport/clock.ts';

/** A clock whose hands only the test moves: `advance` and `leap` move both, `step` the wall clock alone. */
export class HandClock implements Clock {
  #monotonic = 0;
  /** Wall clock minus monotonic. */
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

  /** How long until something is due; undefined when nothing is. */
  get nextDueMs(): number | undefined {
    const dues = this.#tasks.map((task) => task.at - this.#monotonic);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** As after a stopped process goes on: the time is another at once, and what was due meanwhile runs then. */
  leap(ms: number): void {
    this.#monotonic += ms;
    this.advance(0);
  }

  /** Somebody sets the wall clock, or the machine was suspended: the monotonic clock counts nothing of it. */
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
