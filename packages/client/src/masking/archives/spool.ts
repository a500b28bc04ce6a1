import { open, unlink, mkdtemp, rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { RandomAccess } from './random-access.ts';

const pieceBytes = 256 * 1024;

/**
 * Writes pieces into a temporary file in `folder`, and calls `use` with random access to the file. Only this user can
 * read it. It has no name while it is used.
 */
export async function spooled<T>(
  folder: string,
  pieces: AsyncIterable<Uint8Array>,
  use: (content: RandomAccess) => Promise<T>,
): Promise<T> {
  const own = await mkdtemp(path.join(folder, 'scan-'));
  const name = path.join(own, 'archive');
  const file = await open(name, 'wx+', 0o600);
  try {
    await unlink(name);
    await rmdir(own);
    let sizeBytes = 0;
    for await (const piece of pieces) {
      await file.writeFile(piece);
      sizeBytes += piece.length;
    }
    return await use({
      sizeBytes,
      async *readRange(from, to) {
        for (let at = from; at < to;) {
          const length = Math.min(pieceBytes, to - at);
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
          if (bytesRead === 0) throw new Error('it became shorter while it was read');
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      },
    });
  } finally {
    await file.close();
  }
}
