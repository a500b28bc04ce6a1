// What a measured process is told, one order at a time over its IPC channel, and what it answers.

/**
 * How jobs are taken: one claim and one completion each, one after the other; the same, but the next job is claimed while
 * the last one's completion is on its way; or many in one call, in whatever way the system has for it.
 */
export type Mode = 'one by one' | 'overlapping' | 'batches';

export interface FillOrder {
  readonly kind: 'fill';
  readonly jobs: number;
  /** So many callers add jobs at the same time, each one after another. */
  readonly workers: number;
}

export interface DrainOrder {
  readonly kind: 'drain';
  /** Exactly so many jobs wait. */
  readonly jobs: number;
  readonly workers: number;
  readonly mode: Mode;
}

export type QueueOrder = FillOrder | DrainOrder | { readonly kind: 'stop' };

export interface QueueResult {
  readonly jobs: number;
  readonly ms: number;
  /** Processor time of the process that made the calls. */
  readonly cpuMs: number;
  /** How long each claim took that found something; empty where the caller cannot see its claims. */
  readonly claimMs: readonly number[];
}

export type QueueAnswer = { readonly result: QueueResult } | { readonly error: string } | { readonly ready: true };

/** Jobs in one batch, where there are batches. */
export const batchJobs = 100;
