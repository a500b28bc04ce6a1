import { pipeline, Readable } from 'node:stream';
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { ScanBudget } from './scan-limits.ts';

const chunkSize = 128 * 1024;

export type PackedKind = 'gzip' | 'zlib' | 'zstd';

const decompressors = { gzip: createGunzip, zlib: createInflate, zstd: createZstdDecompress };

/**
 * Yields the content of a compressed stream. Throws when a limit of the budget is exceeded. At the end it calls `onEnd`
 * with the number of bytes of the stream. The source may have further bytes.
 */
export async function* unpacked(
  kind: PackedKind,
  source: AsyncIterable<Uint8Array>,
  budget: ScanBudget,
  onEnd: (streamBytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let packedBytes = 0;
  let unpackedBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      packedBytes += piece.length;
      yield piece;
    }
  }
  const unpack = decompressors[kind]({ chunkSize });
  // An error also destroys `unpack`, so the loop below throws it.
  const output = pipeline(Readable.from(counted(), { highWaterMark: 1 }), unpack, () => undefined);
  for await (const piece of output as AsyncIterable<Uint8Array>) {
    unpackedBytes += piece.length;
    budget.takeBytes(piece.length);
    budget.requireRatio(unpackedBytes, packedBytes);
    yield piece;
  }
  onEnd(unpack.bytesWritten);
}
