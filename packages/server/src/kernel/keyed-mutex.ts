/**
 * One mutex for each key: calls with the same key run one after another in the order of arrival, calls with other keys at once.
 * Keys without a running call use no memory. Packages of mutexes have no keys, so this is our own.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `action` after every earlier one of this key has settled, whether it resolved or rejected. */
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
