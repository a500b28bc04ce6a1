import type { IncomingMessage } from 'node:http';
import { AppError } from '@proofhouse/core';
import type { Cancel, Clock } from '../../kernel/time/clock.ts';
import { limits } from '../limits.ts';

/**
 * Yields the body of a request as it arrives, with back-pressure. Throws `bad_request` when the client disconnects
 * before the end of the body. Throws `request_timeout` when fewer than `limits.slowBodyBytes` arrive within
 * `limits.slowBodyWindowMs`. If the caller stops reading early, the connection stays open, so that an answer can be
 * sent.
 */
export async function* byteBody(request: IncomingMessage, clock: Clock): AsyncGenerator<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const pace = new Pace(clock);
  try {
    for (;;) {
      const next = await pace.within(chunks.next());
      if (next.done === true) break;
      pace.received(next.value.length);
      yield next.value;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bad_request', 'The request ended before its body was complete.', { cause: error });
  } finally {
    pace.stop();
  }
  if (!request.complete) throw new AppError('bad_request', 'The request ended before its body was complete.');
}

/**
 * Checks the transfer rate of a request body. The rate counts only the time in which the server waits for bytes. It
 * does not count the time for storing them.
 */
class Pace {
  readonly #clock: Clock;
  #received = 0;
  #waitedMs = 0;
  #waitingSince: number | undefined;
  #fail: ((error: AppError) => void) | undefined;
  #cancel: Cancel;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#watch();
  }

  received(bytes: number): void {
    this.#received += bytes;
    this.#pause();
  }

  /**
   * Settles as `chunk` does. Rejects with `request_timeout` if the transfer rate is too low while `chunk` is pending.
   */
  within<T>(chunk: Promise<T>): Promise<T> {
    this.#waitingSince = this.#clock.monotonic();
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      chunk.then(resolve, reject);
    });
  }

  stop(): void {
    this.#cancel();
  }

  #pause(): void {
    if (this.#waitingSince !== undefined) this.#waitedMs += this.#clock.monotonic() - this.#waitingSince;
    this.#waitingSince = undefined;
  }

  #watch(): Cancel {
    this.#received = 0;
    this.#waitedMs = 0;
    if (this.#waitingSince !== undefined) this.#waitingSince = this.#clock.monotonic();
    return this.#clock.after(limits.slowBodyWindowMs, () => {
      const waiting = this.#waitingSince !== undefined;
      this.#pause();
      if (waiting) this.#waitingSince = this.#clock.monotonic();
      if (this.#received < limits.slowBodyBytes && this.#waitedMs > limits.slowBodyWindowMs / 2) {
        const rate = `${String(limits.slowBodyBytes)} bytes in ${String(limits.slowBodyWindowMs / 1000)} s`;
        this.#fail?.(new AppError('request_timeout', `The body came slower than ${rate}.`));
      }
      this.#cancel = this.#watch();
    });
  }
}
