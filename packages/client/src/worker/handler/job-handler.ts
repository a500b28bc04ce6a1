import type { ArtifactType, JobArtifact } from '@proofhouse/core';
import type { ClaimedJob, JobNote } from '../../api/jobs-api.ts';

/**
 * Bytes of an artifact. A function must return the same bytes each time: it is called twice, and again for each retry.
 */
export type DepositSource = string | Uint8Array | { readonly file: string } | (() => AsyncIterable<Uint8Array>);

export interface DepositAbout {
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  /** Derived from the name when omitted. */
  readonly contentType?: string | undefined;
  /** At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** The operations that a handler may use until its job has ended. The lease is renewed meanwhile. */
export interface JobContext {
  /**
   * Aborted when the handler must end: the job was cancelled, its lease was lost, its time limit was reached, or the
   * worker stops. After the grace period (10 s) the worker does not wait for the handler.
   */
  readonly signal: AbortSignal;
  /** Aborted when cancellation of the job was requested. */
  readonly cancelled: AbortSignal;
  /** Aborted when the lease is lost: another worker has or will get the job, and nothing more is written to it. */
  readonly lost: AbortSignal;
  /**
   * Deposits an artifact under the lease. Rejects when the server refuses it. The job then fails even if the handler
   * continues, unless the same name is deposited later or the worker has `bestEffort`.
   */
  deposit(name: string, source: DepositSource, about?: DepositAbout): Promise<JobArtifact>;
  /**
   * Writes an event of the job (message at most 2 KiB, payload at most 4 KiB). Events are written in order, without
   * blocking the handler.
   */
  note(message: string, more?: Omit<JobNote, 'message'>): void;
}

/** The result of a handler: nothing or a summary (at most 8 KiB) for success, or a failure with its reason. */
export type JobResult =
  | undefined
  | { readonly status?: 'succeeded'; readonly summary?: string | undefined }
  | { readonly status: 'failed'; readonly reason: string; readonly retryable?: boolean | undefined };

/**
 * Runs a job. A thrown error fails the job: retryable by the error when it is an `AppError`, else by the worker's
 * `retryable` option.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler need not return anything.
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobResult | void> | JobResult | void;
