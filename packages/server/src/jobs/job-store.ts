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
 * Where jobs and their events lie. Every verb is atomic and durable when its promise settles; the
 * rules are core's (`decideJob`), applied inside the store's own transaction, at the store's time
 * (`MetadataStore.time`). `now` is for tests: a verb that is given it decides by it instead.
 */
export interface JobStore {
  /**
   * Adds a queued job and its `queued` event. A known idempotency key adds nothing: same fingerprint
   * gives `repeated` with the first job, another gives `conflict`. `job.createdAt` is now: keys that
   * are past it count as absent.
   */
  enqueue(job: JobRecord, idempotency?: IdempotencyKey): Promise<Enqueued>;

  /** Adds the jobs in one commit: none of them when any key gives `conflict`. No two requests have the same key. */
  enqueueAll(requests: readonly EnqueueRequest[]): Promise<Enqueued[]>;

  find(jobId: string): Promise<JobRecord | undefined>;

  /** Newest first by (createdAt, id). */
  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>>;

  /**
   * Claims up to `maxJobs` of the eligible ready jobs, in the order priority desc, createdAt, id. Two
   * claimers never get one job, and jobs that the claimer may not have cost nothing. With a known
   * idempotency key it gives those jobs of the first claim that are still held under its leases, as they are now, and
   * claims nothing; a claim that found nothing leaves its key unused, so that a wait can ask again with it. On its way it ends some leases that passed, and makes jobs
   * ready whose delay has: a job that is due is never missed because another verb makes it ready at that moment. (One that
   * another call writes to at that moment is passed over.)
   */
  claim(request: ClaimRequest): Promise<Claimed>;

  /**
   * Reads the job, lets `decide` decide, writes what it decided with its events, in one transaction.
   * `decide` must be pure and synchronous: it may run again. Undefined: no such job.
   */
  apply(
    jobId: string,
    decide: (job: JobRecord, time: StoreTime) => JobDecision,
    now?: number,
  ): Promise<JobDecision | undefined>;

  /**
   * Writes a holder's events into the log, numbered in one commit, when core's `checkEventFence` lets it. With a known key
   * it writes nothing and gives the first call's events. Undefined: no such job.
   */
  append(request: AppendRequest): Promise<Appended | undefined>;

  /** Does what time has come for, at most `limit` of each kind; safe with many servers at once. */
  sweep(limit: number, now?: number): Promise<Passed>;

  /** See `MetadataStore.time`. */
  time(): StoreTime;

  /** How many ready jobs of the same route come before this one; counts to `most` at most. */
  countAhead(job: JobRecord, most: number): Promise<number>;

  /** Unfinished jobs by type and state, each counted to `most` at most. Reads index entries, never a whole backlog. */
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
  /** One fencing token for each job that may be claimed: its length is the most that are. */
  readonly leaseIds: readonly string[];
  readonly now?: number;
  /** `resourceId` is set by the store. */
  readonly idempotency?: Omit<IdempotencyKey, 'resourceId'> | undefined;
}

export type Claimed =
  | {
      readonly outcome: 'claimed';
      readonly jobs: readonly JobRecord[];
      /** Of claims that were served together one tells what they did on their way. */
      readonly passed?: Passed;
    }
  | { readonly outcome: 'repeated'; readonly jobs: readonly JobRecord[] }
  | { readonly outcome: 'conflict' };

/** What a verb did because time had passed: whoever waits for it has to be told. */
export interface Passed {
  /** Jobs whose lease had ended, as they became by that. */
  readonly ended: readonly JobRecord[];
  /** Jobs whose delay had ended, and which can be claimed now. */
  readonly ready: readonly ReadyJob[];
}

export interface ReadyJob {
  readonly jobId: string;
  /** The number of its newest event. */
  readonly seq: number;
  readonly route: JobRoute;
}
