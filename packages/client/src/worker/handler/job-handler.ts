import type { ArtifactType, JobArtifact } from '@proofhouse/core';
import type { ClaimedJob, JobNote } from '../../api/jobs-api.ts';

/** Bytes of an artifact. A function must give the same bytes each time: it is called twice, and for repeated tries. */
export type DepositSource = string | Uint8Array | { readonly file: string } | (() => AsyncIterable<Uint8Array>);

export interface DepositAbout {
  readonly type?: ArtifactType | undefined;
  readonly title?: string | undefined;
  /** Derived from the name when left out. */
  readonly contentType?: string | undefined;
  /** At most 4 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What a handler may do for its job, until it has ended. The lease is renewed meanwhile. */
export interface JobContext {
  /**
   * Aborted when the work must end: the job was cancelled, its lease was lost, its time is over, the worker stops. What
   * the handler does after the worker's grace (10 s) is not waited for.
   */
  readonly signal: AbortSignal;
  /** Aborted when somebody asked for the job to be cancelled. */
  readonly cancelled: AbortSignal;
  /** Aborted when the lease was lost: another worker has or will get the job, and nothing more is written to it. */
  readonly lost: AbortSignal;
  /**
   * Deposits an artifact under the lease. Rejects when it is refused; the job then fails even if the handler goes on,
   * unless the same name is deposited later or the worker has `bestEffort`.
   */
  deposit(name: string, source: DepositSource, about?: DepositAbout): Promise<JobArtifact>;
  /** Writes a milestone (2 KiB, payload 4 KiB) into the events of the job, in order and beside the work. */
  note(message: string, more?: Omit<JobNote, 'message'>): void;
}

/** How a job ended: nothing, or a summary (8 KiB), for a success. */
export type JobResult =
  | undefined
  | { readonly status?: 'succeeded'; readonly summary?: string | undefined }
  | { readonly status: 'failed'; readonly reason: string; readonly retryable?: boolean | undefined };

/**
 * Carries out a job. What it throws fails the job: retryable as the error says when it is an `AppError`, else as the
 * worker's `retryable` says.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler need not return anything.
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobResult | void> | JobResult | void;
