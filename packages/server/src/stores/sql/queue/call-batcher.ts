import { AppError } from '@proofhouse/core';

interface Waiting<Call, Answer> {
  readonly call: Call;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** Largest number of calls in one batch. */
  readonly calls: number;
  /** Largest number of batches that run at a time. When so many run, further calls wait and form the next batch. */
  readonly verbs: number;
}

/**
 * Batches calls that arrive at the same moment into one database transaction, so that they share its round trips and
 * its commit. A call that arrives alone runs at once. If a batch fails and is rolled back, each of its calls runs again
 * in its own transaction. So an invalid call does not make the other calls fail.
 */
export class CallBatcher<Call, Answer> {
  readonly #run: (calls: readonly Call[]) => Promise<readonly Answer[]>;
  readonly #limits: BatchLimits;
  readonly #nameOf: (call: Call) => string | undefined;
  #waiting: Waiting<Call, Answer>[] = [];
  #underWay = 0;
  #scheduled = false;

  /**
   * `run` runs a batch. It must return one answer for each call, in the order of the calls. `nameOf` returns the name
   * of a call; two calls with one name are never in the same batch.
   */
  constructor(
    limits: BatchLimits,
    run: (calls: readonly Call[]) => Promise<readonly Answer[]>,
    nameOf: (call: Call) => string | undefined = () => undefined,
  ) {
    this.#limits = limits;
    this.#run = run;
    this.#nameOf = nameOf;
  }

  add(call: Call): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay === this.#limits.verbs || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#underWay += 1;
      void this.#serve(this.#next()).finally(() => {
        this.#underWay -= 1;
        this.#schedule();
      });
      this.#schedule();
    });
  }

  /** Removes from `#waiting` the calls that can be in one batch. Returns them in the order of arrival. */
  #next(): Waiting<Call, Answer>[] {
    const names = new Set<string>();
    const taken: Waiting<Call, Answer>[] = [];
    const left: Waiting<Call, Answer>[] = [];
    for (const waiting of this.#waiting) {
      const name = this.#nameOf(waiting.call);
      const fits = taken.length < this.#limits.calls && (name === undefined || !names.has(name));
      (fits ? taken : left).push(waiting);
      if (name !== undefined) names.add(name);
    }
    this.#waiting = left;
    return taken;
  }

  async #serve(served: readonly Waiting<Call, Answer>[]): Promise<void> {
    try {
      const answers = await this.#run(served.map(({ call }) => call));
      for (const [index, { resolve }] of served.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      // The calls may run again only if the batch was rolled back. Only the error `internal` proves this. After a lost
      // connection, for example, the batch may have been committed.
      const undone = error instanceof AppError && error.code === 'internal';
      for (const { call, resolve, reject } of served) {
        if (undone && served.length > 1) await this.#alone(call).then(resolve, reject);
        else reject(error);
      }
    }
  }

  async #alone(call: Call): Promise<Answer> {
    const [answer] = await this.#run([call]);
    return answer as Answer;
  }
}
