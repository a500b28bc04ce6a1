import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { StagedBlob } from '@proofhouse/blobs';

/** As much of a request as the readers of bodies look at. A `whole` one came to its end. */
export function requestOfChunks(chunks: readonly Buffer[], whole: boolean): IncomingMessage {
  const left = chunks.values();
  const request = new Readable({
    read() {
      const { done, value } = left.next();
      if (done !== true) this.push(value);
      else if (whole) this.push(null);
      else this.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    },
  });
  return Object.assign(request, { complete: whole }) as unknown as IncomingMessage;
}

/** The same bytes in pieces of 1 to `most`, in an order that `seed` decides. */
export function chunksOf(bytes: Buffer, most: number, seed: number): Buffer[] {
  const chunks: Buffer[] = [];
  let state = seed;
  for (let at = 0; at < bytes.length;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const length = 1 + ((state >>> 16) % most);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Takes bytes aside, and knows how many of the blobs nobody has dropped. */
export class StagingOfTest {
  #kept = 0;
  /** Of the blob that was staged last. */
  bytes: Buffer = Buffer.alloc(0);

  get kept(): number {
    return this.#kept;
  }

  readonly stage = async (source: AsyncIterable<Uint8Array>): Promise<StagedBlob> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    this.bytes = Buffer.concat(chunks);
    this.#kept += 1;
    return {
      sizeBytes: this.bytes.length,
      sha256: '0'.repeat(64),
      commit: () => Promise.reject(new Error('nothing is committed here')),
      discard: () => {
        this.#kept -= 1;
        return Promise.resolve();
      },
    };
  };
}

/** Time stands still: nothing is too slow. */
export const stoppedClock = { now: () => 0, monotonic: () => 0, after: () => () => undefined };
