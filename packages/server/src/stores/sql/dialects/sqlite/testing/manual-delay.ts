import type { Delay } from '../../../../../kernel/time/delay.ts';

/** Delays that last until the test ends them. */
export class ManualDelay {
  readonly #waiting: { readonly ms: number; readonly end: () => void }[] = [];
  /** Total length in ms of the delays that the test ended. */
  endedMs = 0;

  readonly delay: Delay = (ms) => new Promise((end) => this.#waiting.push({ ms, end }));

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends all pending delays and waits until the code after them has run. */
  async end(): Promise<void> {
    for (const { ms, end } of this.#waiting.splice(0)) {
      this.endedMs += ms;
      end();
    }
    await new Promise((settle) => setImmediate(settle));
  }

  /** Ends all delays, also those that begin later, until `promise` settles. Returns the outcome of the promise. */
  async until<Result>(promise: Promise<Result>): Promise<PromiseSettledResult<Result>> {
    let settled: PromiseSettledResult<Result> | undefined;
    void Promise.allSettled([promise]).then(([result]) => (settled = result));
    while (settled === undefined) await this.end();
    return settled;
  }
}
