import type { ArtifactType, JobArtifact } from '@proofhouse/core';
import type { ClaimedJob, JobNote } from '../../api/jobs-api.ts';

/**
 * The bytes of an artifact. A function is called several times, and once more for each retry. It must return the same
 * bytes each time.
 */
export type DepositSource = string | Uint8Array | { readonly file: string } | (() => AsyncIterable<Uint8Array>);

export interface DepositAbout {
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  /** Default: derived from the artifact name. */
  readonly contentType?: string | undefined;
  /**
   * Values that are stored in the artifact record. At most 4 KiB as JSON. If something was masked in the bytes, the
   * receipt is added as `masked`.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The signals and operations for a handler. They can be used until the handler returns. During this time the worker
 * renews the lease.
 */
export interface JobContext {
  /**
   * Aborts when the handler must end: the job was cancelled, its lease was lost, its time limit was reached, or the
   * worker stops. The worker then waits another 10 s (`graceMs`) for the handler, and no longer.
   */
  readonly signal: AbortSignal;
  /** Aborts when cancellation of the job was requested. */
  readonly cancelled: AbortSignal;
  /** Aborts when the lease is lost. Another worker has or will get the job, so nothing more is written to it. */
  readonly lost: AbortSignal;
  /**
   * Deposits an artifact of the job. Rejects if the server refuses the artifact. The job then fails, even if the
   * handler continues. There are two exceptions: an artifact of the same name is deposited later, or the worker has
   * `bestEffort`.
   */
  deposit(name: string, source: DepositSource, about?: DepositAbout): Promise<JobArtifact>;
  /** Adds a value to mask. From now on it is masked in everything that this run deposits, notes and reports. */
  addSecret(value: string): void;
  /**
   * Appends an event to the log of the job (message at most 2 KiB, payload at most 4 KiB). Events are sent in order,
   * and the handler does not wait for them.
   */
  note(message: string, more?: Omit<JobNote, 'message'>): void;
}

/** The result of a handler: undefined or a summary (at most 8 KiB) for success, or a failure with its reason. */
export type JobResult =
  | undefined
  | { readonly status?: 'succeeded'; readonly summary?: string | undefined }
  | { readonly status: 'failed'; readonly reason: string; readonly retryable?: boolean | undefined };

/**
 * A function that runs the jobs of one type. If it throws, the job fails. If the error is an `AppError`, its
 * `retryable` says whether the job may be retried. For other errors, the option `retryable` of the worker says this.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler need not return anything.
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobResult | void> | JobResult | void;
