import type { Clock } from './clock.ts';

/**
 * Limits one try: its signal is aborted after `limitMs` without progress, at `endsAt`, or when the caller aborts. Its
 * listeners are removed, since a caller's signal may live as long as the process.
 */
export class TryTimer {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #reason: () => unknown;
  readonly #outer: AbortSignal | undefined;
  /** Set by a reader that continues after the try and stops the timer itself: a download. */
  lent = false;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, limitMs: number, reason: () => unknown, outer: AbortSignal | undefined) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#reason = reason;
    this.#outer = outer;
    if (outer?.aborted === true) this.#giveUp();
    outer?.addEventListener('abort', this.#giveUp);
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Restarts the limit after progress. */
  touch(): void {
    this.#cancel();
    // A body is still read for a moment after an early answer: a timer started then would outlive the call.
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(this.#limitMs, () => this.#controller.abort(this.#reason()));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#outer?.removeEventListener('abort', this.#giveUp);
  }

  readonly #giveUp = (): void => {
    this.#controller.abort(this.#outer?.reason);
  };
}
