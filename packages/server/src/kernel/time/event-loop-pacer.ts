/**
 * Starts at most one call in each iteration of the event loop, in the order of arrival. Used for calls that each need
 * milliseconds of computing time, such as lists. Without it, all calls that arrive in one iteration would run in that
 * iteration, and would delay every other request.
 */
export class EventLoopPacer {
  readonly #waiting: (() => void)[] = [];
  #started = false;

  /** Resolves when the caller may start. Resolves at once if no other call has started in this iteration. */
  async next(): Promise<void> {
    if (this.#started) {
      await new Promise<void>((settle) => this.#waiting.push(settle));
      return;
    }
    this.#started = true;
    this.#schedule();
  }

  #schedule(): void {
    setImmediate(() => {
      const next = this.#waiting.shift();
      this.#started = next !== undefined;
      if (next === undefined) return;
      next();
      this.#schedule();
    });
  }
}
