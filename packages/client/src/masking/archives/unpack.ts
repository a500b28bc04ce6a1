import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { ScanBudget } from './scan-limits.ts';

const chunkSize = 128 * 1024;

/** Yields the content of a gzip or zstd stream. Throws when a limit of the budget is exceeded. */
export async function* unpacked(
  kind: 'gzip' | 'zstd',
  source: AsyncIterable<Uint8Array>,
  budget: ScanBudget,
): AsyncGenerator<Uint8Array, void, undefined> {
  let packedBytes = 0;
  let unpackedBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      packedBytes += piece.length;
      yield piece;
    }
  }
  const unpack = kind === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
  // An error also destroys `unpack`, so the loop below throws it.
  const output = pipeline(Readable.from(counted(), { highWaterMark: 1 }), unpack, () => undefined);
  for await (const piece of output as AsyncIterable<Uint8Array>) {
    unpackedBytes += piece.length;
    budget.takeBytes(piece.length);
    budget.requireRatio(unpackedBytes, packedBytes);
    yield piece;
  }
}
