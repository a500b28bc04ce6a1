import { AppError, isAppError } from '@proofhouse/core';
import type { BlobListing, Blobs } from '@proofhouse/blobs';

const mostTries = 8;

/**
 * What time it is where blobs lie: their ages are told by that clock, which need not agree with ours. Found by storing
 * an empty blob and looking at its date.
 *
 * Where there is no room even for that, it is the newest date seen so far. The real time is later, so nothing seems older
 * than it is; and a full disk is when collection is needed most.
 */
export class StorageTime {
  readonly #blobs: Blobs;
  #newest = -Infinity;

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /** `seen`: blobs that were just listed. Errors: those of the storage, but for `storage_full`. */
  async now(seen: readonly BlobListing[] = []): Promise<number> {
    try {
      const now = await this.#askAnywhere();
      this.#newest = Math.max(this.#newest, now);
      return now;
    } catch (error) {
      if (!isAppError(error, 'storage_full')) throw error;
      this.#newest = seen.reduce((newest, { createdAt }) => Math.max(newest, createdAt), this.#newest);
      return this.#newest;
    }
  }

  /** A key is random: where something was planted in the place of its shard, another key lies elsewhere. */
  async #askAnywhere(): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#ask();
      } catch (error) {
        if (tries === mostTries || !isAppError(error, 'integrity_failure')) throw error;
      }
    }
  }

  async #ask(): Promise<number> {
    const { key } = await this.#blobs.receive(nothing());
    try {
      const stat = await this.#blobs.stat(key);
      if (stat === undefined) throw new AppError('unavailable', 'What was stored a moment ago is not there.');
      return stat.createdAt;
    } finally {
      await this.#blobs.delete(key);
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // Yields not a byte.
}
