/** Lets those who wait for the same key go one after another, and others at once. */
export class EditTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `edit` when every one before it with this key has ended, well or not. */
  async take<Result>(key: string, edit: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(edit, edit);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
