/**
 * Starts at most one call in each iteration of the event loop, in order of arrival. Calls that each compute for milliseconds,
 * such as lists, would otherwise all run in the iteration in which their requests arrive, and block every other request.
 */
export class EventLoopPacer {
  readonly #waiting: (() => void)[] = [];
  #started = false;

  /** Resolves when the caller may start: at once when no other call started in this iteration. */
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
