// The orders that a measured process receives one at a time over its IPC channel, and its answers.

/**
 * How jobs are claimed and completed.
 * - `one by one`: one claim, then one completion.
 * - `overlapping`: the next job is claimed while the previous one is completed.
 * - `batches`: one call claims or completes many jobs, in the way that the queue offers.
 */
export type Mode = 'one by one' | 'overlapping' | 'batches';

export interface FillOrder {
  readonly kind: 'fill';
  readonly jobs: number;
  /** Number of concurrent callers that add jobs. Each caller adds its jobs one after another. */
  readonly workers: number;
}

export interface DrainOrder {
  readonly kind: 'drain';
  /** Number of queued jobs to claim and complete. */
  readonly jobs: number;
  readonly workers: number;
  readonly mode: Mode;
}

export type QueueOrder = FillOrder | DrainOrder | { readonly kind: 'stop' };

export interface QueueResult {
  readonly jobs: number;
  readonly ms: number;
  /** Processor time in ms of the process that makes the calls. */
  readonly cpuMs: number;
  /** Duration in ms of each claim that returned a job. Empty if the process cannot measure its claims. */
  readonly claimMs: readonly number[];
}

export type QueueAnswer = { readonly result: QueueResult } | { readonly error: string } | { readonly ready: true };

/** Number of jobs in one batch, in mode `batches`. */
export const batchJobs = 100;
