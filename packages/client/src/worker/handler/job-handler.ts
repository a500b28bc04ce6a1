import type { ArtifactType, JobArtifact } from '@proofhouse/core';
import type { ClaimedJob, JobNote } from '../../api/jobs-api.ts';

/**
 * The bytes of an artifact. A function is called several times, and once more for each retry. It must return the same bytes each
 * time.
 */
export type DepositSource = string | Uint8Array | { readonly file: string } | (() => AsyncIterable<Uint8Array>);

export interface DepositAbout {
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  /** Default: derived from the artifact name. */
  readonly contentType?: string | undefined;
  /**
   * Values that are stored in the artifact record. At most 4 KiB as JSON. If something in the bytes was masked, the number of
   * masked values is added as `masked`.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The signals and operations of a handler. The handler may use them until it returns. During this time, the worker renews
 * the lease.
 */
export interface JobContext {
  /**
   * Aborted when the handler must end: the job was cancelled, its lease was lost, its time limit was reached, or the worker
   * stops. The worker waits for the handler for another 10 s (`graceMs`), and no longer.
   */
  readonly signal: AbortSignal;
  /** Aborted when cancellation of the job was requested. */
  readonly cancelled: AbortSignal;
  /** Aborted when the lease is lost: another worker has or will get the job, and nothing more is written to it. */
  readonly lost: AbortSignal;
  /**
   * Deposits an artifact of the job. Rejects if the server refuses the artifact. The job then fails even if the handler
   * continues, unless an artifact of the same name is deposited later, or the worker has `bestEffort`.
   */
  deposit(name: string, source: DepositSource, about?: DepositAbout): Promise<JobArtifact>;
  /** Adds a value that must be masked in everything that this run deposits, notes and reports from now on. */
  addSecret(value: string): void;
  /**
   * Appends an event to the log of the job (message at most 2 KiB, payload at most 4 KiB). Events are sent in order. The
   * handler does not wait for them.
   */
  note(message: string, more?: Omit<JobNote, 'message'>): void;
}

/** The result of a handler: undefined or a summary (at most 8 KiB) for success, or a failure with its reason. */
export type JobResult =
  | undefined
  | { readonly status?: 'succeeded'; readonly summary?: string | undefined }
  | { readonly status: 'failed'; readonly reason: string; readonly retryable?: boolean | undefined };

/**
 * A function that runs the jobs of one type. A thrown error fails the job. If the error is an `AppError`, its `retryable`
 * decides if the job may be retried. Otherwise the option `retryable` of the worker decides.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler need not return anything.
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobResult | void> | JobResult | void;
