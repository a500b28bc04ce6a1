import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ScanBudget, scanLimits } from './scan-limits.ts';
import { unpacked } from './unpack.ts';

const MiB = 1024 * 1024;

test('a gzip bomb is refused after few unpacked bytes, whatever its size', async () => {
  // A content can consist of several gzip members, one after the other. Each of these is unpacked to a thousand times
  // its size, all together to 4 GiB.
  const member = gzipSync(Buffer.alloc(16 * MiB));
  async function* source() {
    for (let count = 0; count < 256; count += 1) yield member;
  }
  const budget = new ScanBudget(scanLimits, 256 * member.length);
  let unpackedBytes = 0;
  const read = async (): Promise<void> => {
    for await (const piece of unpacked('gzip', source(), budget)) unpackedBytes += piece.length;
  };
  await expect(read()).rejects.toThrow('unpacks to more than 200 times its size');
  expect(unpackedBytes).toBeLessThan(64 * MiB);
});
