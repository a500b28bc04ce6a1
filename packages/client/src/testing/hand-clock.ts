import type { Clock } from '../clock.ts';

/** A clock whose hands only the test moves. */
export class HandClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  #tasks: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const entry = { at: this.#now + ms, run: task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }

  /** How long until something is due; undefined when nothing is. */
  get nextDueMs(): number | undefined {
    const dues = this.#tasks.map((task) => task.at - this.#now);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /** As after a suspension: the time is another at once, and what was due meanwhile runs then. */
  leap(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#tasks.filter((task) => task.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }
}
