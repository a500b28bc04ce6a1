import { AppError } from '@proofhouse/core';

interface Waiting<Call, Answer> {
  readonly call: Call;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** Calls in one verb at most. */
  readonly calls: number;
  /** Verbs under way at most; the calls that come meanwhile become the next one. */
  readonly verbs: number;
}

/**
 * Makes one verb of the calls of the same moment, so that they share its round trips and its commit. A call that
 * comes alone does not wait for others. When a verb of many fails, each call runs again by itself: what is wrong
 * with one of them fails that one.
 */
export class CallBatcher<Call, Answer> {
  readonly #run: (calls: readonly Call[]) => Promise<readonly Answer[]>;
  readonly #limits: BatchLimits;
  readonly #nameOf: (call: Call) => string | undefined;
  #waiting: Waiting<Call, Answer>[] = [];
  #underWay = 0;
  #scheduled = false;

  /** `run` answers each call in its place. Calls to which `nameOf` gives one name never share a verb. */
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

  /** Takes the calls of one verb, the longest waiting first. */
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
      // Only what is known to be undone may run again: of a lost connection nobody knows.
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
