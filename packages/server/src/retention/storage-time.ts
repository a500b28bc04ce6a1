import { AppError, isAppError } from '@proofhouse/core';
import type { BlobListing, Blobs } from '@proofhouse/blobs';

const mostTries = 8;

/**
 * Reads the clock of the blob storage, which dates the blobs and may differ from this machine's: it stores an empty blob and reads
 * its date.
 *
 * On a full disk it uses the newest date seen so far. The real time is later, so no blob seems older than it is, and
 * collection, which a full disk needs, can run.
 */
export class StorageTime {
  readonly #blobs: Blobs;
  #newest = -Infinity;

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /** Returns the storage's time, epoch ms. `seen`: blobs that were just listed. Throws the errors of the storage except `storage_full`. */
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

  /** Retries with other random keys: an irregular object may block the folder of one key. */
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
  // Yields no bytes.
}
