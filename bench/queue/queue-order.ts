// The orders to a measured process, one at a time over its IPC channel, and its answers.

/**
 * The way jobs are taken. `one by one`: one claim, then one completion. `overlapping`: the next job is claimed during
 * the completion of the last one. `batches`: many in one call, in the way of each system.
 */
export type Mode = 'one by one' | 'overlapping' | 'batches';

export interface FillOrder {
  readonly kind: 'fill';
  readonly jobs: number;
  /** Number of concurrent callers that add jobs, each sequentially. */
  readonly workers: number;
}

export interface DrainOrder {
  readonly kind: 'drain';
  /** Number of waiting jobs. */
  readonly jobs: number;
  readonly workers: number;
  readonly mode: Mode;
}

export type QueueOrder = FillOrder | DrainOrder | { readonly kind: 'stop' };

export interface QueueResult {
  readonly jobs: number;
  readonly ms: number;
  /** Processor time of the calling process. */
  readonly cpuMs: number;
  /** Duration of each claim that returned a job; empty where the caller cannot see its claims. */
  readonly claimMs: readonly number[];
}

export type QueueAnswer = { readonly result: QueueResult } | { readonly error: string } | { readonly ready: true };

/** Number of jobs in one batch, where there are batches. */
export const batchJobs = 100;
