import { actorOf, type ArtifactRecord, type Excerpt, type ExcerptQuery, type Principal } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Load } from '../kernel/load.ts';
import { TimeSlices } from '../kernel/time/time-slices.ts';
import type { Artifacts } from './artifacts.ts';
import { excerptOf } from './excerpt.ts';

/**
 * Largest number of excerpts that are read at the same time. More would not be faster, because one thread searches all
 * of them.
 */
const mostRunning = 2;
/**
 * Time limit of one search in ms. When it is reached, the search returns the matches that it has found, and the offset
 * from which to continue.
 */
const searchMs = 10_000;

/**
 * Reads excerpts of artifacts for HTTP and MCP. At most `mostRunning` excerpts are read at the same time, and further
 * calls wait in a queue. `Load` limits the number of running and waiting calls, for each credential and in total. A
 * call above a limit fails with `too_busy`.
 */
export class Excerpts {
  readonly #parts: { readonly artifacts: Artifacts; readonly load: Load; readonly clock: Clock };
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(parts: { readonly artifacts: Artifacts; readonly load: Load; readonly clock: Clock }) {
    this.#parts = parts;
  }

  /** Reads an excerpt of the artifact, see `excerptOf`. Errors: those of `excerptOf`, and `too_busy`. */
  async read(
    principal: Principal,
    artifact: ArtifactRecord,
    query: ExcerptQuery,
    signal: AbortSignal,
  ): Promise<Excerpt> {
    const { artifacts, load } = this.#parts;
    const leave = load.enter('excerpts', `${principal.kind}:${actorOf(principal)}`);
    try {
      await this.#turn();
      return await this.#within(signal, (within) =>
        excerptOf(artifact, query, (range) => artifacts.open(artifact, range), within, new TimeSlices()),
      );
    } finally {
      leave();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < mostRunning) this.#running += 1;
    else await new Promise<void>((settle) => this.#waiting.push(settle));
  }

  async #within<T>(signal: AbortSignal, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const cancel = this.#parts.clock.after(searchMs, () => {
      late.abort();
    });
    try {
      return await read(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
