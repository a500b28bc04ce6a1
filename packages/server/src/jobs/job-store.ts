import type {
  Fence,
  JobCategory,
  JobDecision,
  JobEventDraft,
  JobEventRecord,
  JobRecord,
  JobStatus,
  Refusal,
} from '@proofhouse/core';
import type { IdempotencyKey } from '../kernel/commit.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { StoreTime } from '../kernel/time/store-time.ts';
import type { JobDepth } from './job-depth.ts';
import type { ClaimScope, JobRoute } from './job-route.ts';

/**
 * Stores jobs and their events. Every verb is atomic, and durable when its promise settles. The rules are core's
 * (`decideJob`), applied inside of the store's transaction, at the store's time (`MetadataStore.time`). Tests pass `now` to
 * override that time.
 */
export interface JobStore {
  /**
   * Adds a queued job and its `queued` event. With an idempotency key that was used before, adds nothing: the result is
   * `repeated` with the first job for an equal fingerprint, `conflict` for another. `job.createdAt` is the time: keys that
   * expired by then count as absent.
   */
  enqueue(job: JobRecord, idempotency?: IdempotencyKey): Promise<Enqueued>;

  /** Adds the jobs in one commit, and none when any key conflicts. The keys of the requests must differ. */
  enqueueAll(requests: readonly EnqueueRequest[]): Promise<Enqueued[]>;

  find(jobId: string): Promise<JobRecord | undefined>;

  /** Newest first by (createdAt, id). */
  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>>;

  /**
   * Claims up to `leaseIds.length` eligible ready jobs, in the order priority descending, createdAt, id. No job is claimed
   * twice, and jobs that the claimer may not have cost nothing. With an idempotency key that was used before, claims nothing
   * and returns those jobs of the first claim that are still held under its leases. A claim that finds nothing leaves its key
   * unused, so that a waiting call can claim again with it. A claim also ends some expired leases and makes due jobs ready; a
   * due job is never missed because another verb makes it ready at that moment. A job whose row another transaction has
   * locked is skipped.
   */
  claim(request: ClaimRequest): Promise<Claimed>;

  /**
   * Reads the job, calls `decide`, and writes its decision and events, in one transaction. `decide` must be pure and
   * synchronous, since a retry calls it again. Undefined: no such job.
   */
  apply(
    jobId: string,
    decide: (job: JobRecord, time: StoreTime) => JobDecision,
    now?: number,
  ): Promise<JobDecision | undefined>;

  /**
   * Appends a holder's events to the log in one commit, if core's `checkEventFence` permits. With a key that was used before,
   * writes nothing and returns the events of the first call. Undefined: no such job.
   */
  append(request: AppendRequest): Promise<Appended | undefined>;

  /** Ends expired leases and makes due jobs ready, at most `limit` of each; safe on many servers at once. */
  sweep(limit: number, now?: number): Promise<Passed>;

  /** See `MetadataStore.time`. */
  time(): StoreTime;

  /** Counts the ready jobs of the same route before this one in claim order, up to `most`. */
  countAhead(job: JobRecord, most: number): Promise<number>;

  /** Counts unfinished jobs by type and state, each up to `most`. Reads index entries alone, and never the whole backlog. */
  depths(most: number): Promise<JobDepth[]>;

  /** Events of a job with `seq` over `after`, oldest first. */
  events(jobId: string, after: number, limit: number): Promise<JobEventRecord[]>;

  /** Events of a job with `seq` over `after` and under `before`, newest first. */
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
  readonly now?: number;
  /** `resourceId` is set by the store. */
  readonly idempotency?: Omit<IdempotencyKey, 'resourceId'> | undefined;
}

export type Appended =
  | {
      readonly outcome: 'appended' | 'repeated';
      readonly events: readonly JobEventRecord[];
      /** Of the job. */
      readonly category: JobCategory;
      readonly status: JobStatus;
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'conflict' };

export interface JobFilter {
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
  readonly category?: JobCategory | undefined;
  /** Only running jobs held by this worker. */
  readonly heldBy?: string | undefined;
  /** Only jobs that this worker holds or made. Pages may be short. */
  readonly ownOf?: string | undefined;
}

export interface ClaimRequest extends ClaimScope {
  readonly workerId: string;
  readonly leaseMs: number;
  /** One fencing token for each job to claim; their number is the limit. */
  readonly leaseIds: readonly string[];
  readonly now?: number;
  /** `resourceId` is set by the store. */
  readonly idempotency?: Omit<IdempotencyKey, 'resourceId'> | undefined;
}

export type Claimed =
  | {
      readonly outcome: 'claimed';
      readonly jobs: readonly JobRecord[];
      /** In one result of a batch of claims: the side effects of the batch. */
      readonly passed?: Passed;
    }
  | { readonly outcome: 'repeated'; readonly jobs: readonly JobRecord[] }
  | { readonly outcome: 'conflict' };

/** Jobs that a verb changed because time had passed; hints about them must be published. */
export interface Passed {
  /** Jobs whose lease had expired, in their new state. */
  readonly ended: readonly JobRecord[];
  /** Jobs whose delay had ended, and that can be claimed now. */
  readonly ready: readonly ReadyJob[];
}

export interface ReadyJob {
  readonly jobId: string;
  /** The number of its newest event. */
  readonly seq: number;
  readonly route: JobRoute;
}
