import { AppError, type ArtifactType } from '@proofhouse/core';
import type { BlobOwners } from '../kernel/blob-owners.ts';
import type { Clock } from '../kernel/time/clock.ts';
import type { Logger } from '../kernel/logger.ts';

/** Interval in ms between two samples of the storage usage. */
export const sampleUsageEveryMs = 60_000;

export interface UsageSample {
  readonly sampledAt: number;
  readonly artifacts: number;
  readonly bytes: number;
  readonly byType: readonly { readonly type: ArtifactType; readonly artifacts: number; readonly bytes: number }[];
}

export interface UsageParts {
  readonly owners: Pick<BlobOwners, 'usage'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly quotaBytes: number | undefined;
  readonly warnPercent: number;
  /** Called with each new sample. */
  readonly onSample?: (sample: UsageSample) => void;
}

/**
 * After a warning about the quota, the next one is logged only if usage has first fallen this far below the threshold.
 * Percent of the quota.
 */
const quietPercent = 5;

/**
 * Takes samples of the storage usage and enforces the storage quota. Uploads are checked against the last sample. So
 * the quota takes effect with a delay of at most one interval.
 */
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

  /** Returns the last sample. Waits only if there is no sample yet. */
  async latest(): Promise<UsageSample> {
    return this.#sample ?? (await this.sample());
  }

  /** Takes a sample and returns it. Concurrent calls share one sample. */
  sample(): Promise<UsageSample> {
    this.#sampling ??= this.#count().finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  /** Throws `storage_full` if the last sample reached the quota. */
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
    const usage = await this.#parts.owners.usage();
    const byType = usage
      .filter(({ kind }) => kind === 'artifact')
      .map(({ type, count, sizeBytes }) => ({ type: type as ArtifactType, artifacts: count, bytes: sizeBytes }))
      .sort((a, b) => (a.type < b.type ? -1 : 1));
    this.#sample = {
      sampledAt: this.#parts.clock.now(),
      artifacts: byType.reduce((sum, { artifacts }) => sum + artifacts, 0),
      // The quota covers the blobs of every kind of record, not only those of artifacts.
      bytes: usage.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      byType,
    };
    this.#warnOnce(this.#sample.bytes);
    this.#parts.onSample?.(this.#sample);
    return this.#sample;
  }

  // Logs one warning when usage rises above the threshold. Later samples above the threshold cause no further warning.
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
