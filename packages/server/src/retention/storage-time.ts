import { AppError, isAppError } from '@proofhouse/core';
import type { BlobListing, Blobs } from '@proofhouse/blobs';

const mostTries = 8;

/**
 * Reads the clock of the blob storage. It sets the creation times of blobs, and may differ from the clock of this
 * machine. To read it, this class stores an empty blob, reads its creation time and deletes it.
 *
 * If the disk is full, it uses the newest creation time that it has seen, so that collection can still free space. The
 * real time is later, so no blob seems older than it is.
 */
export class StorageTime {
  readonly #blobs: Blobs;
  #newest = -Infinity;

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /**
   * Returns the time of the blob storage in epoch ms. If the disk is full, returns the newest creation time that was
   * seen, including those of the blobs in `seen`, which were just listed. Throws the errors of the blob storage, except
   * `storage_full`.
   */
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

  /**
   * Tries several random blob keys, because an entry that Proofhouse did not create may be in the place of a folder.
   */
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
  // The blob is empty, so no bytes are yielded.
}
