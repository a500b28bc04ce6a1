import { Readable } from 'node:stream';
import type { LendingStream } from '@proofhouse/blobs';
import { systemClock } from '../../kernel/time/clock.ts';

/**
 * What is given to Fastify in the place of a stream that lends its bytes. It cannot be read, only piped into a response:
 * a piece goes back to its lender when the response says that the kernel has it, so the buffers of a download are few and
 * nobody overwrites what is still to be sent. To Fastify it ends, fails and is destroyed like any other stream: a
 * failure before the first byte is answered, a later one breaks the connection.
 */
export class BorrowedBody extends Readable {
  readonly #lender: LendingStream;

  constructor(lender: LendingStream) {
    super({ read: () => undefined });
    this.#lender = lender;
  }

  override pipe<T extends NodeJS.WritableStream>(response: T): T {
    const finished = (): void => {
      // In this order: a response that ends before its source is taken for one that was cut off.
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

/** Settles when the system has copied the piece. Never, when the response is destroyed before it came to that. */
function handOver(response: NodeJS.WritableStream, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(piece, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** A reader that takes nothing for so long has stalled. */
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
