import type { Clock } from './clock.ts';

/**
 * The timer of one try. Its signal aborts after `limitMs` without progress, or when `outer`, the signal of the caller,
 * aborts. `stop` removes the listener from `outer`, because that signal may exist as long as the process.
 */
export class TryTimer {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #reason: () => unknown;
  readonly #outer: AbortSignal | undefined;
  /**
   * True if the body is read after the try, as for a download or a stream. The reader of the body must then stop the
   * timer.
   */
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

  /** Restarts the time limit. Must be called after each progress of the transfer. */
  touch(): void {
    this.#cancel();
    // `fetch` may still read the request body after an early answer. If this restarted the timer, the timer would
    // outlive the call.
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
