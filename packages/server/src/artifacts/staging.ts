import type { Blobs, StagedBlob, StoredBlob } from '@proofhouse/blobs';
import { AppError } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';

export interface StagingParts {
  readonly blobs: Blobs;
  readonly clock: Clock;
  /** How long bytes that no record names are safe from collection. */
  readonly graceMs: number;
  /** Throws `storage_full` when the quota is used up. */
  readonly requireRoom: () => void;
}

/** The one way in for bytes that a record will name, whatever the door. */
export class Staging {
  readonly #parts: StagingParts;

  constructor(parts: StagingParts) {
    this.#parts = parts;
  }

  /** To be asked before any byte is read. Errors: `storage_full`. */
  requireRoom(): void {
    this.#parts.requireRoom();
  }

  /**
   * Takes bytes aside, hashed and capped. Their `commit` refuses when they were begun half the grace period ago: by the
   * time the record is there collection, seeing old bytes without one, might have taken them. The other half is for the
   * record's own commit and for clocks that do not agree; so the record is committed right after the bytes.
   *
   * Errors: `artifact_too_large`, `storage_full`; of `commit` also `request_timeout`.
   */
  async stage(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StagedBlob> {
    const begunAt = this.#parts.clock.monotonic();
    const staged = await this.#parts.blobs.stage(source, { maxBytes });
    return { ...staged, commit: () => this.#commit(staged, begunAt) };
  }

  async #commit(staged: StagedBlob, begunAt: number): Promise<StoredBlob> {
    this.#requireYoung(begunAt);
    const stored = await staged.commit();
    try {
      this.#requireYoung(begunAt);
    } catch (error) {
      // What cannot be removed now is what collection is for.
      await this.#parts.blobs.delete(stored.key).catch(() => undefined);
      throw error;
    }
    return stored;
  }

  #requireYoung(begunAt: number): void {
    const mostMs = this.#parts.graceMs / 2;
    if (this.#parts.clock.monotonic() - begunAt < mostMs) return;
    const hours = String(Math.round(mostMs / 36_000) / 100);
    throw new AppError(
      'request_timeout',
      `The upload took longer than ${hours} h, after which bytes without a record may be collected. Send it again.`,
    );
  }
}
