import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { StagedBlob } from '@proofhouse/blobs';

/**
 * Returns an object with those members of a request that the body readers use. If `whole` is false, the connection
 * breaks after the chunks.
 */
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

/**
 * Splits the bytes into pieces of 1 to `mostOfSmall` bytes. If there are more than 8192 bytes in total, the pieces have
 * up to `mostOfSmall` KiB. `seed` determines the sizes.
 */
export function chunksOf(bytes: Buffer, mostOfSmall: number, seed: number): Buffer[] {
  const most = bytes.length > 8192 ? mostOfSmall * 1024 : mostOfSmall;
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

/**
 * Splits the bytes into at most three pieces. `seed` determines the positions of the cuts. With many seeds, a large
 * body is cut at every position.
 */
export function threePieces(bytes: Buffer, seed: number): Buffer[] {
  const state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  const ends = [state % (bytes.length + 1), (state >>> 7) % (bytes.length + 1)].toSorted((a, b) => a - b);
  return [bytes.subarray(0, ends[0]), bytes.subarray(ends[0], ends[1]), bytes.subarray(ends[1])].filter(
    (piece) => piece.length > 0,
  );
}

/**
 * Replaces each filler by the bytes that it represents: `%%65536%%` represents 65,536 bytes. So a short input can
 * describe a long body.
 */
export function withFillers(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/%%(\d{1,6})%%/, (_whole, count: string) => {
    return 'x\r\n--'.repeat(Math.ceil(Math.min(Number(count), 300_000) / 5)).slice(0, Number(count));
  });
  return Buffer.from(text, 'latin1');
}

/** Returns a number that depends on every byte of the input. */
export function seedOf(bytes: Buffer): number {
  return crc32(bytes);
}

/** The fillers that the tokens and the seeds of targets contain. */
export const fillers = ['%%16200%%', '%%16300%%', '%%65536%%', '%%200000%%'];

/**
 * A fake staging area. It keeps the bytes that were staged, and counts the blobs that were staged and not discarded.
 */
export class StagingOfTest {
  #kept = 0;
  /** The bytes of the blob that was staged last. */
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

/** A clock that never advances, so that nothing reaches a time limit. */
export const stoppedClock = { now: () => 0, monotonic: () => 0, after: () => () => undefined };
