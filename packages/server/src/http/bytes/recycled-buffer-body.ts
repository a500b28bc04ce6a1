import { Readable } from 'node:stream';
import type { LendingStream } from '@proofhouse/blobs';
import { systemClock } from '../../kernel/time/clock.ts';

/**
 * The body that Fastify sends for a `LendingStream`, whose buffers are recycled. It can only be piped into a response: a
 * buffer returns to the stream when the kernel has copied it, so a download needs few buffers and none is overwritten
 * before it is sent. To Fastify it ends, fails and is destroyed like any other stream: an error before the first byte is
 * answered, a later one breaks the connection.
 */
export class RecycledBufferBody extends Readable {
  readonly #lender: LendingStream;

  constructor(lender: LendingStream) {
    super({ read: () => undefined });
    this.#lender = lender;
  }

  override pipe<T extends NodeJS.WritableStream>(response: T): T {
    const finished = (): void => {
      // This order matters: Fastify treats a response that ends before its source as aborted.
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

/** Resolves when the kernel has copied the piece; never when the response is destroyed before. */
function handOver(response: NodeJS.WritableStream, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(piece, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** Milliseconds after which a reader that takes nothing counts as stalled. */
const stalledMs = 1000;

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
