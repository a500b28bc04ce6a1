import type {
  AuditEntry,
  Fence,
  JobCategory,
  JobDecision,
  JobEventDraft,
  JobEventRecord,
  JobRecord,
  JobStatus,
  Refusal,
  SecretFindings,
} from '@proofhouse/core';
import type { IdempotencyKey } from '../kernel/commit.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { StoreTime } from '../kernel/time/store-time.ts';
import type { JobDepth } from './job-depth.ts';
import type { ClaimScope, JobRoute } from './job-route.ts';

/**
 * Stores jobs and their events. Every method is atomic, and its changes are durable when its promise settles. The store
 * applies the rules of core (`decideJob`) inside its transaction, at its own time (`MetadataStore.time`). Tests pass
 * `now` to override this time.
 */
export interface JobStore {
  /**
   * Adds a queued job and its `queued` event. If the idempotency key was used before, adds nothing. The outcome is then
   * `repeated`, with the job of the first call, if both requests have the same fingerprint, and otherwise `conflict`. A
   * key that expired at or before `job.createdAt` counts as unused.
   */
  enqueue(job: JobRecord, idempotency?: IdempotencyKey): Promise<Enqueued>;

  /**
   * Adds the jobs in one commit. If one idempotency key conflicts, adds none of them. No two requests may have the same
   * key.
   */
  enqueueAll(requests: readonly EnqueueRequest[]): Promise<Enqueued[]>;

  find(jobId: string): Promise<JobRecord | undefined>;

  /** Returns the jobs that match the filter, newest first by (createdAt, id). */
  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>>;

  /**
   * Claims up to `leaseIds.length` claimable jobs within the scope, in claim order (priority, createdAt, id). No job is
   * claimed twice. Jobs outside the scope are not read. A job whose row is locked by another transaction is skipped.
   *
   * If an earlier claim used the same idempotency key, claims nothing and returns the jobs of the earlier claim. Jobs
   * whose lease from that claim has ended are omitted. A claim that finds no job leaves the key unused, so that a
   * waiting call can claim again with it.
   *
   * A claim also ends some expired leases and promotes jobs that are due. A due job is not missed even if another
   * transaction promotes it at the same moment.
   */
  claim(request: ClaimRequest): Promise<Claimed>;

  /**
   * Reads the job, calls `decide`, and writes the decision and its events in one transaction. `decide` must be pure and
   * synchronous, because a retry calls it again. Returns undefined if the job does not exist. If the job changed, the
   * entry `audit` is written in the same transaction. A test passes `now`.
   */
  apply(
    jobId: string,
    decide: (job: JobRecord, time: StoreTime) => JobDecision,
    options?: { readonly now?: number | undefined; readonly audit?: AuditEntry | undefined },
  ): Promise<JobDecision | undefined>;

  /**
   * Appends events of the worker that holds the job to the log of the job, in one commit. `checkEventFence` of core
   * must permit it. If the idempotency key was used before, writes nothing and returns the events of the first call.
   * Returns undefined if the job does not exist.
   */
  append(request: AppendRequest): Promise<Appended | undefined>;

  /**
   * Ends at most `limit` expired leases and promotes at most `limit` due jobs. Many servers may call it at the same
   * time.
   */
  sweep(limit: number, now?: number): Promise<Passed>;

  /** Returns the current time of the store; see `MetadataStore.time`. */
  time(): StoreTime;

  /** Counts the claimable jobs of the same route that precede `job` in claim order. The result is at most `most`. */
  countAhead(job: JobRecord, most: number): Promise<number>;

  /**
   * Counts unfinished jobs by type and state. Each count is at most `most`. Only index entries are read, so a large
   * backlog does not make it slower.
   */
  depths(most: number): Promise<JobDepth[]>;

  /** Returns events of a job with `seq` above `after`, oldest first. */
  events(jobId: string, after: number, limit: number): Promise<JobEventRecord[]>;

  /** Returns events of a job with `seq` above `after` and below `before`, newest first. */
  newestEvents(jobId: string, range: { after: number; before: number; limit: number }): Promise<JobEventRecord[]>;
}

export interface EnqueueRequest {
  readonly job: JobRecord;
  readonly idempotency?: IdempotencyKey | undefined;
}

export type Enqueued =
  { readonly outcome: 'added' | 'repeated'; readonly job: JobRecord } | { readonly outcome: 'conflict' };

export interface AppendRequest {
  readonly jobId: string;
  readonly fence: Fence;
  readonly events: readonly JobEventDraft[];
  /**
   * Returns the secrets that were found in the events. The store adds them to the findings of the job. `firstSeq` is
   * the `seq` of the first event.
   */
  readonly findings?: ((firstSeq: number) => SecretFindings | null) | undefined;
  readonly now?: number;
  /** The idempotency key of the call. The store adds `resourceId`, which names the result of the call. */
  readonly idempotency?: Omit<IdempotencyKey, 'resourceId'> | undefined;
}

export type Appended =
  | {
      readonly outcome: 'appended' | 'repeated';
      readonly events: readonly JobEventRecord[];
      /** The category of the job. */
      readonly category: JobCategory;
      readonly status: JobStatus;
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'conflict' };

export interface JobFilter {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  /** If present, the list has only running jobs that this worker holds. */
  readonly heldBy?: string | undefined;
  /** If present, the list has only jobs that this worker holds or created. A page may then have fewer than `limit` jobs. */
  readonly ownOf?: string | undefined;
}

export interface ClaimRequest extends ClaimScope {
  readonly workerId: string;
  readonly leaseMs: number;
  /** The lease ids for the claimed jobs, one for each job. Their number is the largest number of jobs to claim. */
  readonly leaseIds: readonly string[];
  readonly now?: number;
  /** The idempotency key of the call. The store adds `resourceId`, which names the result of the call. */
  readonly idempotency?: Omit<IdempotencyKey, 'resourceId'> | undefined;
}

export type Claimed =
  | {
      readonly outcome: 'claimed';
      readonly jobs: readonly JobRecord[];
      /**
       * The jobs that a batch of claims changed although no caller named them: their lease or delay had ended. Only one
       * result of the batch has this field, so that hints about them are published once.
       */
      readonly passed?: Passed;
    }
  | { readonly outcome: 'repeated'; readonly jobs: readonly JobRecord[] }
  | { readonly outcome: 'conflict' };

/** Jobs that a transaction changed because their lease or delay had ended. The caller must publish hints about them. */
export interface Passed {
  /** Jobs whose lease had expired, as they are after the change. */
  readonly ended: readonly JobRecord[];
  /** Jobs whose delay had ended, so that they can be claimed now. */
  readonly ready: readonly ReadyJob[];
}

export interface ReadyJob {
  readonly jobId: string;
  /** Sequence number of the newest event of the job. */
  readonly seq: number;
  readonly route: JobRoute;
}
