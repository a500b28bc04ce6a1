/**
 * Lets one call begin in each turn of the event loop, in order of arrival. Many calls that each compute for milliseconds,
 * such as lists, would otherwise all run in the turn in which their requests arrive, and every other request would wait
 * for all of them.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Settles when the caller may begin: at once when nobody else began in this turn. */
  async next(): Promise<void> {
    if (this.#isTaken) {
      await new Promise<void>((settle) => this.#waiting.push(settle));
      return;
    }
    this.#isTaken = true;
    this.#plan();
  }

  #plan(): void {
    setImmediate(() => {
      const next = this.#waiting.shift();
      this.#isTaken = next !== undefined;
      if (next === undefined) return;
      next();
      this.#plan();
    });
  }
}
