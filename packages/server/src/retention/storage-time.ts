import { AppError } from '@proofhouse/core';
import type { Blobs } from '@proofhouse/blobs';

/**
 * What time it is where blobs lie: their ages are told by that clock, which need not agree with ours. Stores a byte,
 * looks at its date and removes it. Errors: those of the storage.
 */
export async function storageTime(blobs: Blobs): Promise<number> {
  const { key } = await blobs.receive(oneByte());
  try {
    const stat = await blobs.stat(key);
    if (stat === undefined) throw new AppError('unavailable', 'What was stored a moment ago is not there.');
    return stat.createdAt;
  } finally {
    await blobs.delete(key);
  }
}

async function* oneByte(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1);
}
