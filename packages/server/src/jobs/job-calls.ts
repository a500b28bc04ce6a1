import type { FinishFields, JobCategory, JobEventRecord, JobRecord, JobStatus, Problem } from '@proofhouse/core';

// Parameters and results of the methods of `Jobs`.

export interface ClaimCall {
  readonly workerId?: string | null | undefined;
  readonly leaseSeconds: number;
  readonly allowedTypes?: readonly string[] | null | undefined;
  readonly workerCapabilities?: readonly string[] | null | undefined;
  readonly waitSeconds: number;
  /** Absent: one. */
  readonly maxJobs?: number | undefined;
}

export interface Created {
  readonly job: JobRecord;
  readonly created: boolean;
}

export interface JobQuery {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface ClaimOptions {
  readonly key?: string | undefined;
  /** The version of the worker's software, for the list of workers. */
  readonly version?: string | undefined;
  readonly signal: AbortSignal;
  /** Throws when the caller's credential is no longer valid; called before every read of the queue but the first. */
  readonly reauthenticate: () => Promise<void>;
}

/** The events that a holder appended to a job's log. */
export interface Noted {
  readonly events: readonly JobEventRecord[];
  /** The type of the job. */
  readonly type: string;
  /** False when an earlier call with the idempotency key wrote them. */
  readonly created: boolean;
}

export interface CompleteItem extends FinishFields {
  readonly jobId: string;
  readonly leaseId: string;
  readonly resultSummary?: string | null | undefined;
}

export interface Completion extends FinishFields {
  readonly resultSummary?: string | null | undefined;
}

export interface Failure extends FinishFields {
  readonly errorMessage: string;
  readonly retryable: boolean;
}

export type CompleteResult =
  { readonly jobId: string; readonly job: JobRecord } | { readonly jobId: string; readonly error: Problem };
