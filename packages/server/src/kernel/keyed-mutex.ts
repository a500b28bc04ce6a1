/**
 * One mutex for each key. Calls with the same key run one after another, in the order of arrival. Calls with different
 * keys run concurrently. A key uses no memory while no call uses it. No package was used, because mutex packages do not
 * support keys.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `action` when all earlier actions of this key have settled, whether they resolved or rejected. */
  async run<Result>(key: string, action: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(action, action);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
