import type { JobDecision, JobEventRecord, JobRecord } from '@proofhouse/core';
import type { JobRoute } from '../../jobs/job-route.ts';
import type {
  Appended,
  AppendRequest,
  Claimed,
  ClaimRequest,
  Enqueued,
  JobFilter,
  JobStore,
  Passed,
} from '../../jobs/job-store.ts';
import type { IdempotencyKey } from '../../kernel/commit.ts';
import type { Page, PageRequest } from '../../kernel/page.ts';
import { Gathering } from './gathering.ts';
import type { JobDepth } from '../../jobs/job-depth.ts';
import { useKey } from './idempotency.ts';
import { appendEvents } from './job-append.ts';
import { applyAll, type Application } from './job-apply.ts';
import { claimAll, keyOfClaim } from './job-claim.ts';
import { listOfJobs } from './job-lists.ts';
import { countDepths } from './job-depths.ts';
import { countReadyBefore } from './job-position.ts';
import { eventsAfter, findJob } from './job-reads.ts';
import { JobRoutes } from './job-routes.ts';
import { eventFromRow, jobFromRow, jobToRow } from './job-row.ts';
import { sweepJobs } from './job-sweep.ts';
import { insertEvents } from './job-writes.ts';
import type { JobRow } from './schema.ts';
import type { SqlDialect } from './sql-dialect.ts';
import type { SqlEngine } from './sql-engine.ts';
import { statementsBy } from './statement.ts';
import { first, put, rows, type Verb } from './verb.ts';

const insertJob = statementsBy((columns: string, db, p: JobRow) =>
  db
    .insertInto('jobs')
    .values(
      Object.fromEntries(columns.split(',').map((column) => [column, p[column as keyof JobRow]])) as unknown as JobRow,
    ),
);

export class SqlJobStore implements JobStore {
  readonly #engine: SqlEngine;
  readonly #routes = new JobRoutes();

  readonly #claims: Gathering<ClaimRequest, Claimed>;
  readonly #applications: Gathering<Application, JobDecision | undefined>;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
    const { dialect, gathering } = engine;
    this.#claims = new Gathering(
      gathering,
      (requests) => engine.write(() => claimAll(dialect, this.#routes, requests)),
      keyOfClaim,
    );
    this.#applications = new Gathering(gathering, (applications) =>
      engine.write(() => applyAll(dialect, applications)),
    );
  }

  async enqueue(job: JobRecord, idempotency?: IdempotencyKey): Promise<Enqueued> {
    const { enqueued, route } = await this.#engine.write(() =>
      enqueueJob(this.#engine.dialect, this.#routes, job, idempotency),
    );
    if (route !== undefined) this.#routes.committed(route.id);
    return enqueued;
  }

  find(jobId: string): Promise<JobRecord | undefined> {
    return this.#engine.read(function* () {
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

  apply(jobId: string, now: number, decide: (job: JobRecord) => JobDecision): Promise<JobDecision | undefined> {
    return this.#applications.add({ jobId, now, decide });
  }

  append(request: AppendRequest): Promise<Appended | undefined> {
    return this.#engine.write(() => appendEvents(this.#engine.dialect, request));
  }

  async sweep(now: number, limit: number): Promise<Passed> {
    const passed = await this.#engine.write(() => sweepJobs(this.#engine.dialect, this.#routes, now, limit));
    await this.#engine.tidy();
    return passed;
  }

  countAhead(job: JobRecord, most: number): Promise<number> {
    return this.#engine.read(() => countReadyBefore(job, most));
  }

  depths(most: number): Promise<JobDepth[]> {
    return this.#engine.read(() => countDepths(this.#routes, most));
  }

  events(jobId: string, after: number, limit: number): Promise<JobEventRecord[]> {
    return this.#engine.read(function* () {
      return (yield* rows(eventsAfter, { jobId, after, limit })).map(eventFromRow);
    });
  }
}

function* enqueueJob(
  dialect: SqlDialect,
  routes: JobRoutes,
  job: JobRecord,
  idempotency: IdempotencyKey | undefined,
): Verb<{ enqueued: Enqueued; route?: JobRoute }> {
  const now = job.createdAt;
  if (idempotency !== undefined) {
    const known = yield* useKey(idempotency, now);
    if (known.use === 'conflict') return { enqueued: { outcome: 'conflict' } };
    if (known.use === 'repeated') {
      const row = yield* first(findJob, { id: known.resourceId });
      if (row !== undefined) return { enqueued: { outcome: 'repeated', job: jobFromRow(row) } };
      throw new Error(`An idempotency key names job ${known.resourceId}, which does not exist.`);
    }
  }
  const route = yield* routes.intern(job);
  const row = jobToRow(job, route.id, now);
  yield* put(insertJob(Object.keys(row).join(',')), row);
  yield* insertEvents(dialect, job.id, 0, [{ kind: 'queued', level: 'info', message: 'Queued.' }], now);
  return { enqueued: { outcome: 'added', job }, route };
}
