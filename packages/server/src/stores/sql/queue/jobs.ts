import type { AuditEntry, JobDecision, JobEventRecord, JobRecord } from '@proofhouse/core';
import type {
  Appended,
  AppendRequest,
  Claimed,
  ClaimRequest,
  Enqueued,
  EnqueueRequest,
  JobFilter,
  JobStore,
  Passed,
} from '../../../jobs/job-store.ts';
import type { IdempotencyKey } from '../../../kernel/commit.ts';
import type { Page, PageRequest } from '../../../kernel/page.ts';
import { timeAt, type StoreTime } from '../../../kernel/time/store-time.ts';
import { CallBatcher } from './call-batcher.ts';
import type { JobDepth } from '../../../jobs/job-depth.ts';
import { appendEvents } from './job-append.ts';
import { enqueueAll, enqueueTogether, keyOfEnqueue } from './job-enqueue.ts';
import { applyAll, type Application } from './job-apply.ts';
import { claimAll, keyOfClaim } from './job-claim.ts';
import { listOfJobs } from './job-lists.ts';
import { countDepths } from './job-depths.ts';
import { countReadyBefore } from './job-position.ts';
import { eventsAfter, eventsBefore, findJob } from './job-reads.ts';
import type { RouteCache } from './route-cache.ts';
import { eventFromRow, jobFromRow } from './job-row.ts';
import { sweepJobs } from './job-sweep.ts';
import type { QueueEngine } from './queue-dialect.ts';
import { readUpTo } from '../engine/sql-engine.ts';
import { first, rows } from '../engine/verb.ts';

export class SqlJobStore implements JobStore {
  readonly #engine: QueueEngine;
  readonly #routes: RouteCache;

  readonly #enqueues: CallBatcher<EnqueueRequest, Enqueued>;
  readonly #claims: CallBatcher<ClaimRequest, Claimed>;
  readonly #applications: CallBatcher<Application, JobDecision | undefined>;

  /** `routes` must be the only route cache of the store. All operations that add jobs must use it. */
  constructor(engine: QueueEngine, routes: RouteCache) {
    this.#engine = engine;
    this.#routes = routes;
    const { dialect } = engine;
    const { batchLimits } = dialect;
    this.#enqueues = new CallBatcher(batchLimits, (requests) => this.#enqueue(requests), keyOfEnqueue);
    this.#claims = new CallBatcher(batchLimits, (requests) => this.#claim(requests), keyOfClaim);
    this.#applications = new CallBatcher(batchLimits, (applications) =>
      engine.write((time) => applyAll(dialect, routes, applications, time)),
    );
  }

  enqueue(job: JobRecord, idempotency?: IdempotencyKey): Promise<Enqueued> {
    return this.#enqueues.add({ job, idempotency });
  }

  async #enqueue(requests: readonly EnqueueRequest[]): Promise<Enqueued[]> {
    const { answers } = await this.#routes.addJobs(this.#engine, () =>
      enqueueAll(this.#engine.dialect, this.#routes, requests),
    );
    return answers;
  }

  async enqueueAll(requests: readonly EnqueueRequest[]): Promise<Enqueued[]> {
    const { answers } = await this.#routes.addJobs(this.#engine, () =>
      enqueueTogether(this.#engine.dialect, this.#routes, requests),
    );
    return answers;
  }

  find(jobId: string): Promise<JobRecord | undefined> {
    return this.#engine.look(function* () {
      const row = yield* first(findJob, { id: jobId });
      return row === undefined ? undefined : jobFromRow(row);
    });
  }

  list(filter: JobFilter, page: PageRequest): Promise<Page<JobRecord>> {
    return this.#engine.read(() => listOfJobs(filter, page));
  }

  claim(request: ClaimRequest): Promise<Claimed> {
    return this.#claims.add(request);
  }

  async #claim(requests: readonly ClaimRequest[]): Promise<Claimed[]> {
    const { answers, routes } = await this.#engine.write((time) =>
      claimAll(this.#engine.dialect, this.#routes, requests, time),
    );
    if (routes !== undefined) this.#routes.fill(routes);
    return answers;
  }

  apply(
    jobId: string,
    decide: Application['decide'],
    { now, audit }: { readonly now?: number | undefined; readonly audit?: AuditEntry | undefined } = {},
  ): Promise<JobDecision | undefined> {
    return this.#applications.add({ jobId, decide, now, audit });
  }

  append(request: AppendRequest): Promise<Appended | undefined> {
    return this.#engine.write((time) => appendEvents(this.#engine.dialect, request, time));
  }

  async sweep(limit: number, now?: number): Promise<Passed> {
    const passed = await this.#engine.write((time) =>
      sweepJobs(this.#engine.dialect, this.#routes, timeAt(now, time), limit),
    );
    await this.#engine.tidy();
    return passed;
  }

  time(): StoreTime {
    return this.#engine.time();
  }

  countAhead(job: JobRecord, most: number): Promise<number> {
    return readUpTo(this.#engine, most, () => countReadyBefore(job, most));
  }

  depths(most: number): Promise<JobDepth[]> {
    return this.#engine.scan(() => countDepths(this.#routes, most));
  }

  events(jobId: string, after: number, limit: number): Promise<JobEventRecord[]> {
    return readUpTo(this.#engine, limit, function* () {
      return (yield* rows(eventsAfter, { jobId, after, limit })).map(eventFromRow);
    });
  }

  newestEvents(jobId: string, range: { after: number; before: number; limit: number }): Promise<JobEventRecord[]> {
    return readUpTo(this.#engine, range.limit, function* () {
      return (yield* rows(eventsBefore, { jobId, ...range })).map(eventFromRow);
    });
  }
}
