import { Readable } from 'node:stream';
import type { LendingStream } from '@proofhouse/blobs';
import { systemClock } from '../../kernel/time/clock.ts';

/**
 * A response body that sends the buffers of a `LendingStream` (a stream that reuses its buffers). It can only be piped
 * into a response. A buffer is reused after the kernel has copied its bytes. So a download needs few buffers, and no
 * buffer is overwritten before its bytes are sent. Fastify treats the body as an ordinary stream. An error before the
 * first byte becomes an error answer. A later error breaks the connection.
 */
export class RecycledBufferBody extends Readable {
  readonly #lender: LendingStream;

  constructor(lender: LendingStream) {
    super({ read: () => undefined });
    this.#lender = lender;
  }

  override pipe<T extends NodeJS.WritableStream>(response: T): T {
    const finished = (): void => {
      // The response must not end before this stream. Otherwise Fastify would treat the response as aborted.
      this.once('end', () => response.end());
      this.push(null);
      this.resume();
    };
    const failed = (error: Error): void => {
      this.destroy(error);
    };
    this.#lender.lend((piece) => handOver(response, piece), settlesSoon).then(finished, failed);
    return response;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const closed = (): void => {
      done(error);
    };
    if (this.#lender.closed) closed();
    else this.#lender.once('close', closed).destroy();
  }
}

/**
 * Writes a piece. Resolves when the kernel has copied the bytes of the piece. Never resolves if the response is
 * destroyed earlier.
 */
function handOver(response: NodeJS.WritableStream, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(piece, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** A client counts as stalled if it has not read the previous piece after this time (ms). */
const stalledMs = 1000;

/** Returns true if `taken` settles within `stalledMs`, and false after that time. */
function settlesSoon(taken: Promise<void>): Promise<boolean> {
  return new Promise((settle) => {
    const cancel = systemClock.after(stalledMs, () => {
      settle(false);
    });
    const settled = (): void => {
      cancel();
      settle(true);
    };
    taken.then(settled, settled);
  });
}
