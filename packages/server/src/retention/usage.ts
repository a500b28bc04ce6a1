import { AppError, type ArtifactType } from '@proofhouse/core';
import type { Clock } from '../kernel/time/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { RetentionStore } from './retention-store.ts';

/** How often what is stored is counted, off the path of any request. */
export const sampleUsageEveryMs = 60_000;

export interface UsageSample {
  readonly sampledAt: number;
  readonly artifacts: number;
  readonly bytes: number;
  readonly byType: readonly { readonly type: ArtifactType; readonly artifacts: number; readonly bytes: number }[];
}

export interface UsageParts {
  readonly store: Pick<RetentionStore, 'usageByType'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly quotaBytes: number | undefined;
  readonly warnPercent: number;
  /** Told every sample. */
  readonly onSample?: (sample: UsageSample) => void;
}

/** Falls below the threshold by this share of the quota before it may warn again. */
const quietPercent = 5;

/** What is stored beside what may be stored, counted now and then: the quota holds with the delay of one sample. */
export class Usage {
  readonly #parts: UsageParts;
  #sample: UsageSample | undefined;
  #sampling: Promise<UsageSample> | undefined;
  #warned = false;

  constructor(parts: UsageParts) {
    this.#parts = parts;
  }

  get quotaBytes(): number | undefined {
    return this.#parts.quotaBytes;
  }

  get warnAtBytes(): number | undefined {
    const { quotaBytes, warnPercent } = this.#parts;
    return quotaBytes === undefined ? undefined : Math.floor((quotaBytes * warnPercent) / 100);
  }

  /** The last sample; waits for the first. */
  async latest(): Promise<UsageSample> {
    return this.#sample ?? (await this.sample());
  }

  /** Counts now; calls at one time share a count. */
  sample(): Promise<UsageSample> {
    this.#sampling ??= this.#count().finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  /** Errors: `storage_full`, as far as the last sample knows. */
  requireRoom(): void {
    const { quotaBytes } = this.#parts;
    if (quotaBytes === undefined || this.#sample === undefined || this.#sample.bytes < quotaBytes) return;
    const usedBytes = this.#sample.bytes;
    throw new AppError(
      'storage_full',
      `The storage quota is used up: ${String(usedBytes)} of ${String(quotaBytes)} bytes are stored ` +
        '(PROOFHOUSE_STORAGE_QUOTA_BYTES). An operator can raise it, or let retention make room.',
      { details: { quotaBytes, usedBytes } },
    );
  }

  async #count(): Promise<UsageSample> {
    const byType = (await this.#parts.store.usageByType())
      .map(({ type, count, sizeBytes }) => ({ type, artifacts: count, bytes: sizeBytes }))
      .sort((a, b) => (a.type < b.type ? -1 : 1));
    this.#sample = {
      sampledAt: this.#parts.clock.now(),
      artifacts: byType.reduce((sum, { artifacts }) => sum + artifacts, 0),
      bytes: byType.reduce((sum, { bytes }) => sum + bytes, 0),
      byType,
    };
    this.#warnOnce(this.#sample.bytes);
    this.#parts.onSample?.(this.#sample);
    return this.#sample;
  }

  // One line when the threshold is crossed, not one a minute, and none for each file around it.
  #warnOnce(usedBytes: number): void {
    const { quotaBytes, logger } = this.#parts;
    const { warnAtBytes } = this;
    if (quotaBytes === undefined || warnAtBytes === undefined) return;
    if (usedBytes < warnAtBytes - (quotaBytes * quietPercent) / 100) this.#warned = false;
    if (this.#warned || usedBytes < warnAtBytes) return;
    this.#warned = true;
    const percent = Math.floor((usedBytes / quotaBytes) * 100);
    logger.warn({ usedBytes, quotaBytes }, `the storage quota is used to ${String(percent)} %`);
  }
}
